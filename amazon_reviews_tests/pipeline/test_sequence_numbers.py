"""Sets of sequence numbers behave like Python's sets."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amazon_reviews.pipeline.sequence_numbers import Numbers
from amazon_reviews.resources.event_hub import Span

SETS = st.frozensets(st.integers(0, 40) | st.integers(2**62 - 5, 2**62 - 1))


def members(numbers):
    return {number for span in numbers.spans for number in range(span.first, span.last + 1)}


@given(SETS, SETS, st.integers(0, 20))
def test_sets_of_numbers_behave_like_sets(one, other, count):
    first, second = Numbers.of([*one]), Numbers.of([*other])

    assert members(first) == one
    assert members(first | second) == one | other
    assert members(first & second) == one & other
    assert members(first - second) == one - other
    assert members(first.lowest(count)) == {*sorted(one)[:count]}
    assert len(first) == len(one)
    assert bool(first) == bool(one)
    assert first.end_of(count) == (
        min(n for n in range(count, 50) if n + 1 not in one) if count in one else None
    )
    probes = np.array([*range(42), 2**62 - 1])
    assert first.contains(probes).tolist() == [number in one for number in probes.tolist()]


@given(SETS, SETS)
def test_spans_are_never_adjacent(one, other):
    spans = (Numbers.of([*one]) | Numbers.of([*other])).spans

    assert all(a.last + 1 < b.first for a, b in pairwise(spans))


def test_span_between_is_empty_if_it_ends_before_it_begins():
    assert Numbers.between(3, 5).spans == [Span(3, 5)]
    assert not Numbers.between(5, 4)
