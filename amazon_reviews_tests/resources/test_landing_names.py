"""Partition keys: safe for every system that they pass through, and readable back."""

import unicodedata

import dagster as dg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amazon_reviews.pipeline.segments import is_segment
from amazon_reviews.resources.lakehouse.log import input_id
from amazon_reviews.resources.landing.layout import record_partition
from amazon_reviews.resources.landing.names import (
    LONGEST_KEY,
    is_marker,
    look_alike,
    natural_order,
    partition_key,
    partition_path,
)

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(PATHS)
@example("a...b")
@example("....")
@example("stream")
@example("stream-000002/..../%2E")
@example("a:b,[c]|d\n\a\t%20 é e\u0301 \u212b \u1100\u1161")
def test_key_is_read_back_and_accepted_everywhere(path):
    key = partition_key(path)

    assert partition_path(key) == path
    # Dagster raises an error for a key that it does not accept.
    dg.StaticPartitionsDefinition([key])
    assert not {":", "/", " ", ",", "[", "]", "|", "*", "'", '"'} & {*key}
    assert key.isprintable()
    assert unicodedata.is_normalized("NFC", key)
    assert not is_segment(key)
    assert input_id(key, "bronze/reviews").split(":") == ["input", key, "bronze/reviews"]


@given(PATHS, PATHS)
def test_two_paths_have_two_keys(one, other):
    assert (partition_key(one) == partition_key(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("partition_7", "partition_7"),
        ("partition_2018-9-30.a", "partition_2018-9-30.a"),
        ("category=Books", "category=Books"),
        ("2023/08/01", "2023%2F08%2F01"),
        ("Büro", "Büro"),
        ("Bu\u0308ro", "Bu%CC%88ro"),
        ("50%", "50%25"),
        ("a...b", "a%2E%2E%2Eb"),
        ("stream-000002", "%73tream-000002"),
        ("streams", "streams"),
        ("reviews.json", "reviews.json"),
    ],
)
def test_key_of_a_path(path, key):
    assert partition_key(path) == key


@pytest.mark.parametrize("path", ["a" * LONGEST_KEY, "/" * 48, "日" * 26])
def test_longest_path_has_a_key_that_names_a_folder(path):
    assert record_partition(path) == partition_key(path)
    assert record_partition(path + path[0]) is None


def test_natural_order_is_that_of_the_paths():
    ordered = ["2023%2F8%2F9", "2023%2F8%2F10", "2023%2F10%2F1", "a%20b2", "a%20b10"]

    assert natural_order(sorted(ordered, reverse=True)) == ordered


def test_keys_that_differ_in_case_or_form_look_alike():
    paths = ["Books", "books", "caf\u00e9", "cafe\u0301", "Beauty", "2023/Books"]

    assert look_alike(map(partition_key, paths)) == ["Books", "books", "cafe\u0301", "caf\u00e9"]


@pytest.mark.parametrize(
    "name",
    [
        *("_SUCCESS", "_committed_123", "_started_1", "_metadata", "_temporary", ".a.json.crc"),
        *("a.json.crc", ".DS_Store", "Thumbs.db", ".part-0.json.tmp", "x_$folder$"),
    ],
)
def test_markers_hold_no_data(name):
    assert is_marker(name)


@pytest.mark.parametrize("name", ["_part.json", "a.json", "SUCCESS", "_delta_log", "crc", "a."])
def test_other_names_are_no_markers(name):
    assert not is_marker(name)
