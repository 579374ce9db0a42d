"""Records of source lines, and the reasons of unreadable lines."""

import hashlib
import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from amazon_reviews.transforms import product_lines, reviews
from amazon_reviews.transforms.lines import (
    MAX_LINE_BYTES,
    fingerprint,
    parse_lines,
    structured,
    unknown_field_pattern,
    why_unreadable,
)

FIELDS = ("a", "b", "ab")
# By raw line: fields a, b and ab of its record, and the rescued fields.
PARSED = {
    '{"a": "x", "b": "y", "ab": "z"}': (("x", "y", "z"), None),
    ' {"b":"y"}\r': ((None, "y", None), None),
    "{}": ((None, None, None), None),
    '{"a": 1, "b": 2.50, "ab": true}': (("1", "2.5", "true"), None),
    '{"a": null, "b": ""}': ((None, "", None), None),
    '{"a": [1, "x", null], "b": {"c": {"d": []}}}': (
        ('[1,"x",null]', '{"c":{"d":[]}}', None),
        None,
    ),
    r'{"a": "\u00e9\n\"\\\/\ud83d\udc4d"}': (('é\n"\\/👍', None, None), None),
    '{"a": "x", "a": "y"}': (("y", None, None), None),
    '{"A": "x"}': ((None, None, None), {"A": "x"}),
    '{"c": 1, "a": "x", "d": [1], "e": {"f": "g"}, "h": null}': (
        ("x", None, None),
        {"c": "1", "d": "[1]", "e": '{"f":"g"}', "h": None},
    ),
    '{"": "empty"}': ((None, None, None), {"": "empty"}),
    '{"a": {"Size:": " L"}, "b": "x"}': (('{"Size:":" L"}', "x", None), None),
    '{"a": {"Size:": " L"}, "Size:": "M"}': (('{"Size:":" L"}', None, None), {"Size:": "M"}),
    '{"a": {"c": "nested"}}': (('{"c":"nested"}', None, None), None),
    '{"a": "\\"c\\": 1, \\"d\\": 2"}': (('"c": 1, "d": 2', None, None), None),
    "[]": ((None, None, None), None),
    "null": ((None, None, None), None),
    '{"a": "x"': ((None, None, None), None),
    "{'a': 'x'}": ((None, None, None), None),
    '{"a": NaN}': ((None, None, None), None),
}


@pytest.fixture(scope="module")
def parsed(spark):
    lines = [(line, "utf-8", "f", number, "p") for number, line in enumerate(PARSED)]
    schema = "raw string, encoding string, file string, line bigint, partition string"
    records = parse_lines(spark.createDataFrame(lines, schema), FIELDS)
    return {
        row.raw: (tuple(row.record or [None] * 3), row.rescued and dict(row.rescued))
        for row in records.select("raw", "record", "rescued").collect()
    }


@pytest.mark.parametrize("line", PARSED)
def test_line_becomes_record_and_rescued_fields(parsed, line):
    assert parsed[line] == PARSED[line]


def test_lines_that_are_not_text_or_too_large_become_null_records(spark):
    small = '{"a": "x"}'
    longest = small[:-1] + " " * (MAX_LINE_BYTES - len(small)) + "}"
    lines = [(small, "base64"), (longest, "utf-8"), (longest + " ", "utf-8")]
    table = spark.createDataFrame(
        [(raw, encoding, "f", number, "p") for number, (raw, encoding) in enumerate(lines)],
        "raw string, encoding string, file string, line bigint, partition string",
    )

    rows = parse_lines(table, FIELDS).select("line", F.col("record.a").alias("a")).collect()

    assert sorted((row.line, row.a) for row in rows) == [(0, None), (1, "x"), (2, None)]


@pytest.mark.parametrize("text", ["word ", 'say "x" \\\\ \\n '])
@pytest.mark.parametrize("size", [40_000, 4_000_000])
def test_numbers_in_long_lines_stay_as_written(spark, text, size):
    fields = '"a": 123456789012345678901234, "b": 12345678.5, "c": 1e-7, "d": {"e": 1E5}'
    encoded = json.dumps(text)[1:-1]
    line = f'{{{fields}, "ab": "{encoded * (size // len(encoded))}"}}'
    schema = "raw string, encoding string, file string, line bigint, partition string"
    lines = spark.createDataFrame([(line, "utf-8", "f", 1, "p")], schema)

    (row,) = parse_lines(lines, FIELDS).select("record.a", "record.b", "rescued").collect()

    assert (row.a, row.b) == ("123456789012345678901234", "12345678.5")
    assert row.rescued == {"c": "1e-7", "d": '{"e":"1E5"}'}


UNREADABLE = {
    '{"a": 1}': None,
    " {} \r": None,
    '{"a": [{"b": null}]}': None,
    '{"a": 1': "not_json",
    "{'a': 1}": "not_json",
    '{"a": 1}}': "not_json",
    '{"a": 1} {"a": 2}': "not_json",
    '{"a": 1}, {"a": 2}': "not_json",
    '{"a": 1}, "b": {"c": 2}': "not_json",
    '{"a": 1}] [{"a": 2}': "not_json",
    '1, "b": 2': "not_json",
    "1, 2": "not_json",
    "], [": "not_json",
    '{"a": Infinity}': "not_json",
    '{"a": 01}': "not_json",
    '{"a": "\t"}': "not_json",
    '{"a": 1,}': "not_json",
    "{a: 1}": "not_json",
    "nothing": "not_json",
    "\ufeff{}": "not_json",
    "[]": "not_an_object",
    '[{"a": 1}]': "not_an_object",
    '"{}"': "not_an_object",
    "-1.5e3": "not_an_object",
    "true": "not_an_object",
    " null ": "not_an_object",
}


def test_unreadable_line_has_its_reason(spark):
    table = spark.createDataFrame([(line,) for line in UNREADABLE], "raw string")

    rows = table.select("raw", why_unreadable(F.col("raw"), F.lit("utf-8")).alias("why")).collect()

    assert {row.raw: row.why for row in rows} == UNREADABLE


def test_reason_is_encoding_before_size_before_syntax(spark):
    large = "x" * (MAX_LINE_BYTES + 1)
    table = spark.createDataFrame(
        [(0, large, "base64"), (1, large, "utf-8"), (2, "é" * (MAX_LINE_BYTES // 2 + 1), "utf-8")],
        "n int, raw string, encoding string",
    )

    rows = table.select("n", why_unreadable(F.col("raw"), F.col("encoding")).alias("why")).collect()

    assert [row.why for row in sorted(rows)] == ["not_utf8", "too_large", "too_large"]


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (("ab", "c"), "2:ab1:c"),
        (("a", "bc"), "1:a2:bc"),
        ((None, ""), "-0:"),
        (("", None), "0:-"),
        (("-", "0:"), "1:-2:0:"),
        (("é👍", "x"), "2:é👍1:x"),
    ],
)
def test_different_lists_of_texts_have_different_fingerprints(spark, values, written):
    table = spark.createDataFrame([values], "a string, b string")

    (row,) = table.select(fingerprint([F.col("a"), F.col("b")])).collect()

    assert row[0] == hashlib.sha256(written.encode()).hexdigest()[:32]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"a": ["x"]}', True),
        ('{"b": 1, "a" : {"x": 1}}', True),
        ('{"a": "[x]"}', False),
        ('{"c": ["x"]}', False),
        ('{"a": "{\\"a\\": [1]}"}', False),
    ],
)
def test_field_with_array_or_object_is_detected(spark, line, expected):
    table = spark.createDataFrame([(line,)], "raw string")

    assert table.select(structured(F.col("raw"), ("a", "b"))).collect() == [(expected,)]


KNOWN = st.sampled_from(FIELDS)
NAMES = st.one_of(
    st.text(max_size=4),
    st.text('ab:\\"{}, ', max_size=4),
    KNOWN.map(lambda name: name + "a"),
    KNOWN.map(lambda name: name[:-1]),
    KNOWN.map(str.upper),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6))
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(KNOWN, SCALARS, max_size=2)
PATTERN = re.compile(unknown_field_pattern(FIELDS))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.dictionaries(KNOWN, VALUES), NAMES, VALUES, st.booleans(), st.booleans())
@example({"a": "x"}, "", 1, True, True)
@example({"ab": "x"}, 'a"', 1, True, True)
@example({"b": {"a": 1}}, "a:b", 1, False, False)
def test_unknown_field_is_always_detected(record, name, value, ascii_only, first):
    """Among any other fields, with any escapes; a field that ends in a colon has its own test."""
    if name in FIELDS or name.endswith(":"):
        return
    whole = {name: value} | record if first else record | {name: value}
    separators = (",", ":") if ascii_only else (", ", " : ")

    line = json.dumps(whole, ensure_ascii=ascii_only, separators=separators)

    assert PATTERN.search(line)


PLAIN = st.text(st.characters(exclude_characters='"\\{}[]:,'), max_size=8)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(KNOWN, PLAIN | st.lists(PLAIN, max_size=2)), PLAIN, PLAIN)
def test_unknown_field_that_ends_in_a_colon_is_detected_beside_style(record, name, value):
    line = json.dumps(record | {"a": {"Size:": " L"}, f"{name}:": value})

    assert PATTERN.search(line)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.dictionaries(KNOWN, PLAIN | st.lists(PLAIN, max_size=2) | st.integers() | st.none()),
    st.dictionaries(PLAIN.map("{}:".format), PLAIN, max_size=2),
    st.booleans(),
)
def test_known_fields_need_no_second_parse(record, style, ascii_only):
    line = json.dumps({"a": style} | record, ensure_ascii=ascii_only)

    assert not PATTERN.search(line)


@pytest.mark.parametrize(
    "fields", [reviews.FIELDS, product_lines.FIELDS], ids=["reviews", "products"]
)
def test_pattern_of_unknown_fields_works_on_the_engine(spark, fields):
    names = [*fields, *(name + "x" for name in fields), *(name[:-1] for name in fields), "", "Asin"]
    table = spark.createDataFrame(
        [(name, json.dumps({name: "x"})) for name in names], "n string, raw string"
    )

    rows = table.where(F.col("raw").rlike(unknown_field_pattern(fields))).collect()

    assert {row.n for row in rows} == set(names) - set(fields)
