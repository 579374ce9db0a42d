"""Records in the bodies of events, and faults of batches that are not read."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_reviews.pipeline import event_records
from amazon_reviews.pipeline.event_records import Records, are_ordinary, batch_fault, records

quick = settings(max_examples=100, deadline=None, derandomize=True, database=None)

BOM = b"\xef\xbb\xbf"
ONE = b'{"a": 1.50, "b": [{}, "]"]}'
TWO = '{"é": "漢\\n", "c":{"records": [1]}}'.encode()
PRETTY = b'{\n  "a": 1,\n  "b": [\n    {}\n  ]\n}'
BATCHES = {
    "array": b"[%b,%b]" % (ONE, TWO),
    "array with blanks": b" \r\n[ %b\t,\n%b ]\n" % (ONE, TWO),
    "array with a byte order mark": BOM + b"[%b,%b]" % (ONE, TWO),
    "records": b'{"records":[%b,%b]}' % (ONE, TWO),
    "records with blanks": b'\n{ "records" : [\n%b,\n%b\n] }\r\n' % (ONE, TWO),
    "lines": ONE + b"\n" + TWO,
    "lines with blank ones": b"\n%b\r\n\n %b\n" % (ONE, TWO),
}
SINGLE = {
    "object": ONE,
    "object with a byte order mark": BOM + ONE,
    "object and a line feed": ONE + b"\n",
    "object on several lines": PRETTY,
    "other keys beside records": b'{"records":[{}],"b":1}',
    "records is no array": b'{"records":{"a":1}}',
    "empty": b"",
    "blanks": b" \n\n",
    "no UTF-8": b"[{}\xff]",
    "scalar": b"5",
    "text": b'"[{}]"',
    "empty array": b"[]",
    "empty records": b'{"records":[]}',
    "array of values": b"[1,2,3]",
    "array of objects and more": b"[{},1]",
    "array that breaks off": b"[{},{}",
    "array with a comma too many": b"[{},]",
    "array with a comma too few": b"[{}{}]",
    "array and more": b"[{}] []",
    "records and more": b'{"records":[{}]}}',
    "lines of other values": b"{}\n[]",
    "a line that breaks off": b'{}\n{"a":',
    "objects on one line": b"{}{}",
    "objects and more on a line": b"{}\n{}{}",
    "deep": b"[" * 100_000,
    "deep object": b'[{"a":' * 100_000,
}


@pytest.mark.parametrize("body", BATCHES.values(), ids=BATCHES)
def test_batch_becomes_records_with_their_exact_text(body):
    assert records(body) == Records([ONE, TWO], True)
    assert records(gzip.compress(body)) == Records([ONE, TWO], True, "gzip")
    assert are_ordinary([ONE])
    assert not are_ordinary([ONE, body])


@pytest.mark.parametrize("body", SINGLE.values(), ids=SINGLE)
def test_other_bodies_stay_unchanged(body):
    assert records(body) == Records([body])


def test_batch_of_one_record_is_a_batch():
    assert records(b"[%b]" % ONE) == records(b'{"records":[%b]}' % ONE) == Records([ONE], True)


@pytest.mark.parametrize("body", [ONE, BOM + ONE, PRETTY, b"[1]", b"no json", b""])
def test_gzip_of_a_single_body_becomes_that_body(body):
    assert records(gzip.compress(body)) == Records([body], compression="gzip")
    members = gzip.compress(body[:5]) + gzip.compress(body[5:])
    assert records(members) == Records([body], compression="gzip")


def test_bad_record_does_not_spoil_the_other_records():
    bad = b'{"a": NaN, "b": "\t\\ud800", "c": %b}' % (b"9" * 5_000)

    assert records(b"[%b,%b]" % (bad, ONE)) == Records([bad, ONE], True)


BROKEN = {
    "gzip that is damaged or breaks off": [
        gzip.compress(ONE, mtime=0)[:-1],
        gzip.compress(ONE, mtime=0)[:12],
        gzip.compress(ONE, mtime=0) + b"more",
        gzip.compress(ONE, mtime=0)[:-8] + bytes(8),
        b"\x1f\x8b",
        b"\x1f\x8bno gzip at all",
    ],
    "gzip of more than 16 MiB": [gzip.compress(bytes(16 * 2**20 + 1), mtime=0)],
    "gzip of bytes that are not UTF-8": [gzip.compress(b"\xff", mtime=0)],
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"), [(body, text) for text, bodies in BROKEN.items() for body in bodies]
)
def test_unreadable_gzip_stays_and_has_a_fault(body, expected):
    assert records(body) == Records([body])
    assert batch_fault(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"records": [1, 2]}', "records: an array of 2 values"),
        (b'{"records": [1]}', "records: an array of 1 value"),
        (b'{"records": []}', "records: an array of 0 values"),
        (b'{"records": [1], "a": 1}', None),
        (b'{"records": 1}', None),
        (b"[1, 2, 3]", None),
        (b"{}", None),
        (b"[1, 2", None),
        (b"\xff", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_unreadable_records_have_a_fault(body, expected):
    assert batch_fault(body) == expected


def test_array_of_too_many_records_stays_whole(monkeypatch):
    monkeypatch.setattr(event_records, "MAX_RECORDS", 3)
    array, lines = b"[{},{},{},{}]", b"{}\n{}\n{}\n{}"

    assert records(array) == Records([array])
    assert records(lines) == Records([lines])
    assert len(records(b"[{},{},{}]").bodies) == len(records(b"{}\n{}\n{}").bodies) == 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@quick
@given(
    st.lists(st.dictionaries(st.text(), json_values, max_size=4), min_size=2, max_size=5),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_any_batch_becomes_its_records(given_records, indent, ascii_only):
    texts = [
        json.dumps(record, indent=indent, ensure_ascii=ascii_only).encode()
        for record in given_records
    ]
    joined = b",".join(texts)

    assert records(b"[%b]" % joined) == records(b'{"records":[%b]}' % joined)
    assert records(b"[%b]" % joined) == Records(texts, True)
    if indent is None:
        assert records(b"\n".join(texts)) == Records(texts, True)
    for text in texts:
        assert records(text) == Records([text])


@quick
@given(st.binary(max_size=40) | st.text('{}[],:\n"a1 ', max_size=20).map(str.encode))
def test_any_bytes_are_kept(body):
    content = records(body)

    assert content.bodies
    assert content.is_batch or content.bodies == [body]
    batch_fault(body)
