"""Admission of readers to a partition."""

import pytest

from amazon_reviews.devtools.event_hub_emulator import AmqpError
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
    admitted_readers = Readers()
    for reader in readers:
        admitted_readers.admit(reader)
    return admitted_readers


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 2), (0, 5), (None, 0)])
def test_equal_or_higher_epoch_detaches_the_other_reader(before, after):
    low, high = Reader(before), Reader(after)
    admitted(low, high)

    assert (low.detached, high.detached) == ("amqp:link:stolen", None)


@pytest.mark.parametrize("later", [1, 0, None])
def test_lower_or_missing_epoch_is_rejected(later):
    first = Reader(2)
    readers = admitted(first)

    with pytest.raises(AmqpError) as caught:
        readers.admit(Reader(later))
    assert caught.value.condition == "amqp:link:stolen"
    assert readers.all() == [first]
    assert first.detached is None


def test_consumer_groups_are_independent():
    default, etl = Reader(2), Reader(1, "etl")
    readers = admitted(default, etl)

    assert (default.detached, etl.detached) == (None, None)
    assert (readers.of("$default"), readers.of("etl")) == ([default], [etl])


def test_five_readers_share_a_partition_and_a_sixth_must_wait():
    shared = [Reader() for _ in range(MAX_READERS)]
    readers = admitted(*shared, Reader(group="etl"))

    with pytest.raises(AmqpError) as caught:
        readers.admit(Reader())
    assert caught.value.condition == "amqp:resource-limit-exceeded"
    readers.remove(shared[0])
    readers.remove(shared[0])
    readers.admit(Reader())


def test_wake_reaches_all_readers():
    shared = [Reader(), Reader(group="etl")]
    admitted(*shared).wake()

    assert [reader.woken for reader in shared] == [1, 1]
