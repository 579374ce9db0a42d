"""Who may read a partition beside whom."""

import pytest

from amazon_reviews.devtools.event_hub_emulator import Refusal
from amazon_reviews.devtools.event_hub_emulator.readers import MAX_READERS, Readers


class Reader:
    def __init__(self, epoch=None, group="$default"):
        self.epoch, self.group = epoch, group
        self.detached = None
        self.woken = 0

    def wake(self):
        self.woken += 1

    def detach(self, condition, text):
        self.detached = condition


def admitted(*readers):
    found = Readers()
    for reader in readers:
        found.admit(reader)
    return found


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 2), (0, 5), (None, 0)])
def test_an_epoch_that_is_not_lower_drives_the_other_away(before, after):
    low, high = Reader(before), Reader(after)
    admitted(low, high)

    assert (low.detached, high.detached) == ("amqp:link:stolen", None)


@pytest.mark.parametrize("later", [1, 0, None])
def test_a_lower_epoch_or_none_is_refused(later):
    first = Reader(2)
    readers = admitted(first)

    with pytest.raises(Refusal) as caught:
        readers.admit(Reader(later))
    assert caught.value.condition == "amqp:link:stolen"
    assert readers.all() == [first]
    assert first.detached is None


def test_groups_do_not_know_of_each_other():
    one, other = Reader(2), Reader(1, "etl")
    readers = admitted(one, other)

    assert (one.detached, other.detached) == (None, None)
    assert (readers.of("$default"), readers.of("etl")) == ([one], [other])


def test_five_may_share_a_partition_and_a_sixth_when_one_has_left():
    shared = [Reader() for _ in range(MAX_READERS)]
    readers = admitted(*shared, Reader(group="etl"))

    with pytest.raises(Refusal) as caught:
        readers.admit(Reader())
    assert caught.value.condition == "amqp:resource-limit-exceeded"
    readers.remove(shared[0])
    readers.remove(shared[0])
    readers.admit(Reader())


def test_all_are_woken():
    shared = [Reader(), Reader(group="etl")]
    admitted(*shared).wake()

    assert [reader.woken for reader in shared] == [1, 1]
