"""The log of a partition: sequence numbers, positions, retention."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_reviews.devtools.event_hub_emulator import AmqpError
from amazon_reviews.devtools.event_hub_emulator.log import Hub, Partition
from amazon_reviews.devtools.event_hub_emulator.messages import new_message


def partition_of(*times, retention=100):
    """Return a partition with an event of 10 bytes for each enqueued time."""
    partition = Partition("0", retention)
    for time in times:
        partition.append(new_message(b"x" * 5, {}, None), time)
    return partition


def start(partition, field, comparison, value):
    return partition.start(f"amqp.annotation.x-opt-{field} {comparison} '{value}'")


def test_events_get_sequence_numbers_and_growing_offsets():
    partition = partition_of(100, 100, 100)
    offsets = [partition.event(number).offset for number in range(3)]

    assert (partition.first, partition.next) == (0, 3)
    assert offsets[0] == 0 < offsets[1] < offsets[2] == partition.last_offset


@pytest.mark.parametrize(
    ("field", "comparison", "value", "expected"),
    [
        ("sequence-number", ">", 1, 2),
        ("sequence-number", ">=", 1, 1),
        ("sequence-number", ">", -1, 0),
        ("sequence-number", ">", 3, 4),
        ("offset", ">", -1, 0),
        ("offset", ">=", -1, 0),
        ("offset", ">", "@latest", 4),
        ("offset", ">=", "@latest", 4),
        ("enqueued-time", ">", 99, 0),
        ("enqueued-time", ">", 100, 1),
        ("enqueued-time", ">=", 100, 0),
        ("enqueued-time", ">", 200, 3),
        ("enqueued-time", ">=", 200, 1),
        ("enqueued-time", ">", 300, 4),
    ],
)
def test_position_selects_the_first_event_to_read(field, comparison, value, expected):
    assert start(partition_of(100, 200, 200, 300), field, comparison, value) == expected


@pytest.mark.parametrize("number", range(4))
def test_offset_selects_its_event_or_the_next(number):
    partition = partition_of(1, 2, 3, 4)
    offset = partition.event(number).offset

    assert start(partition, "offset", ">=", offset) == number
    assert start(partition, "offset", ">", offset) == number + 1
    assert start(partition, "offset", ">", offset - 1) == number


def test_time_selects_the_first_later_event_when_times_decrease():
    assert start(partition_of(100, 300, 200, 400), "enqueued-time", ">", 150) == 1


def test_reading_without_filter_starts_at_the_first_event():
    partition = partition_of(1, 2, 3)
    partition.trim(2)

    assert partition.start(None) == 2


@pytest.mark.parametrize(("field", "name"), [("offset", "offset"), ("sequence-number", "seq")])
def test_position_after_the_last_event_is_rejected(field, name):
    partition = partition_of(1)

    with pytest.raises(AmqpError, match=rf"The supplied {name}.* '1' is invalid. .* '0'"):
        start(partition, field, ">", 1)
    with pytest.raises(AmqpError, match="'-1'"):
        start(partition_of(), field, ">=", 0)
    assert start(partition_of(), field, ">", -1) == 0


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "nonsense",
        "amqp.annotation.x-opt-offset > 'abc'",
        "amqp.annotation.x-opt-offset < '1'",
        "amqp.annotation.x-opt-colour > '1'",
        "amqp.annotation.x-opt-sequence-number > '@latest'",
        f"amqp.annotation.x-opt-sequence-number > '{'9' * 5000}'",
    ],
)
def test_invalid_filter_is_rejected(selector):
    with pytest.raises(AmqpError) as caught:
        partition_of(1).start(selector)
    assert caught.value.condition == "com.microsoft:argument-error"


def test_retention_removes_the_oldest_events_and_keeps_sequence_numbers():
    partition = partition_of(*range(10), retention=3)

    assert (partition.first, partition.next) == (7, 10)
    assert [partition.event(number).enqueued for number in range(7, 10)] == [7, 8, 9]
    assert start(partition, "sequence-number", ">", 2) == 7
    assert start(partition, "offset", ">", 0) == 7


def test_empty_partition_remembers_its_last_event():
    partition = partition_of(1, 2)
    last = partition.last_offset

    partition.trim(99)

    assert (partition.first, partition.next, partition.last_offset) == (2, 2, last)
    assert start(partition, "offset", ">", last) == 2
    partition.trim(0)
    assert partition.append(new_message(b"", {}, None)) == 2


def test_events_rotate_over_partitions_and_equal_keys_share_one():
    hub = Hub("reviews", 4, [], 100)

    assert [hub.choose(None).name for _ in range(5)] == ["0", "1", "2", "3", "0"]
    chosen = {key: {hub.choose(key).name for _ in range(3)} for key in map(str, range(50))}
    assert all(len(names) == 1 for names in chosen.values())
    assert set.union(*chosen.values()) == {"0", "1", "2", "3"}


@pytest.mark.parametrize(("partitions", "retention"), [(0, 1), (1, 0)])
def test_hub_without_partitions_or_retention_is_an_error(partitions, retention):
    with pytest.raises(ValueError, match="reviews: a hub needs at least one partition"):
        Hub("reviews", partitions, [], retention)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.integers(0, 50), max_size=30),
    st.integers(1, 30),
    st.integers(0, 40),
    st.sampled_from([">", ">="]),
    st.integers(-1, 51),
)
def test_positions_equal_a_linear_search(times, retention, trimmed, comparison, value):
    partition = partition_of(*times, retention=retention)
    partition.trim(trimmed)
    stored = range(partition.first, partition.next)

    def passes(position):
        return position >= value if comparison == ">=" else position > value

    expected = {
        "enqueued-time": [n for n in stored if passes(partition.event(n).enqueued)],
        "sequence-number": [n for n in stored if passes(n)],
        "offset": [n for n in stored if passes(partition.event(n).offset)],
    }
    last = {"sequence-number": partition.next - 1, "offset": partition.last_offset}
    for field, numbers in expected.items():
        if value <= last.get(field, value):
            assert start(partition, field, comparison, value) == [*numbers, partition.next][0]
