"""Containers of text: found by their content, and read record by record."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files import json_documents, unpacking
from amazon_reviews.pipeline.source_files.python_literals import literal_json
from amazon_reviews_tests.pipeline.source_files.reading import open_bytes, read, records_of

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | _FLOATS | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt", "a.csv"])
@pytest.mark.parametrize(
    ("content", "container"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "json"),
        (b'\n{"a": 1}\nbroken, line\n{"a": 2}\n', "json"),
        (b'broken, line\n{"a": 1}\n{"a": 2}\n', "json"),
        (b'[1]\n{"a": 1}\n{"a": 2}\n', "json"),
        (b'[{"a": 1}, {"a": 2}]', "json"),
        (b'{\n  "a": 1\n}\n{\n  "a": 2\n}\n', "json"),
        (b"{'a': 1}\n{'a': 'b'}\n", "python"),
        (b'{"a": 1}\n{"a": "it\'s", \'b\': None}\n{\'c\': 1}\n', "python"),
        (b'{"a": 1}\n{"a": 2}\n{\'c\': 1}\n', "json"),
        (b"product/productId: B1\nreview/score: 5.0\n", "paragraphs"),
        (b"a,b\n1,2\n3,4\n", "delimited"),
    ],
)
def test_container_is_found_by_content_whatever_the_name(content, container, name):
    assert open_bytes(content, name).format.container == container


def test_unclear_text_is_what_its_name_says():
    assert open_bytes(b"one\ntwo\n", "a.json").format.container == "json"
    assert open_bytes(b"one\ntwo\n", "a.csv").format.container == "delimited"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_file_has_no_json_records_and_no_header(content):
    assert read(content, "a.jsonl") == []
    with pytest.raises(LandingError, match=r"a\.csv is empty: it has no header"):
        read(content, "a.csv")


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"PK\x03\x04...", "a ZIP archive or an Excel workbook"), (b"%PDF-1.7", "a PDF document")],
)
def test_known_file_of_another_kind_is_refused(content, fault):
    with pytest.raises(LandingError, match=rf"a\.csv is {fault}; upload its content as CSV"):
        open_bytes(content, "a.csv")


def test_json_sample_leaves_out_lines_that_are_not_objects():
    source = open_bytes(b'{"a": 1}\nbroken\n[2]\n{"a": 3}\n' + b'{"a": 4}\n' * 2000, "a.json")

    assert source.sample[:3] == [{"a": 1}, {"a": 3}, {"a": 4}]
    assert len(source.sample) == 998
    assert len(records_of(source)) == 2004


def test_json_sample_is_at_most_a_mebibyte():
    line = json.dumps({"a": "x" * 100_000}).encode() + b"\n"

    assert len(open_bytes(line * 30, "a.json").sample) == 10


def test_blocks_are_bounded_by_rows():
    blocks = [*open_bytes(b"{}\n" * 150_000, "a.json").records()]

    assert max(map(len, blocks)) <= 65_536
    assert [number for block in blocks for number, _ in block] == [*range(1, 150_001)]


@pytest.mark.parametrize("indent", [None, 2])
@settings(max_examples=40, deadline=None)
@given(values=st.lists(_JSON, max_size=6))
def test_elements_of_an_array_are_records(indent, values):
    content = json.dumps(values, indent=indent, ensure_ascii=False).encode()
    blocks = [content[at : at + 3] for at in range(0, len(content), 3)]

    records = [r for block in json_documents.array_records(iter(blocks), "a.json") for r in block]

    assert [number for number, _ in records] == [*range(1, len(values) + 1)]
    assert [json.loads(text) for _, text in records] == values
    assert not any(b"\n" in text for _, text in records)


def test_text_of_an_element_stays_as_it_is_written():
    content = b'[\n  {"a": 1.50,\n   "b": "x  y", "a": 99999999999999999999},\n  {broken}, 7\n]'

    assert read(content, "a.json") == [
        (1, b'{"a": 1.50,"b": "x  y", "a": 99999999999999999999}'),
        (2, b"{broken}"),
        (3, b"7"),
    ]


@pytest.mark.parametrize(
    "content",
    [b'[{"a": 1}, {"a": 2}', b'[{"a": 1}, {"a', b'[{"a": 1},', b"[", b'[\n{"a": 1}\n,\n{"a": "2'],
)
def test_array_cut_short_is_refused_by_name(content):
    with pytest.raises(LandingError, match=r"a\.json ends within its JSON text.*upload it again"):
        read(content, "a.json")


@pytest.mark.parametrize("content", [b"[" * 1_000_000, b"[" + b'{"a":' * 1_000_000])
def test_element_that_is_nested_too_deep_is_refused(content):
    with pytest.raises(LandingError, match="element 1 is nested more than 10000 levels deep"):
        read(content, "a.json")


def test_text_after_an_array_is_refused():
    with pytest.raises(LandingError, match="text follows the end"):
        read(b'[{"a": 1}] x', "a.json")


def test_indented_objects_are_records():
    records = [{"a": {"b": [1, 2]}}, {"a": "x\ny"}, {}]
    content = "\n".join(json.dumps(record, indent=2) for record in records).encode()

    actual = read(content, "a.json")

    assert [number for number, _ in actual] == [1, 2, 3]
    assert [orjson.loads(text) for _, text in actual] == records
    with pytest.raises(LandingError, match="ends within its JSON text"):
        read(content[:-1], "a.json")


def test_element_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(json_documents, "LONGEST_LINE_BYTES", 1000)
    monkeypatch.setattr(unpacking, "BLOCK_BYTES", 100)

    with pytest.raises(LandingError, match="element 2 is longer"):
        list(json_documents.array_records(iter([b"[1, "] + [b"[1," * 30] * 99), "a.json"))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=3), _LITERALS, min_size=1))
def test_dict_literal_becomes_the_same_json(value):
    text = literal_json(repr(value).encode("utf-8", "backslashreplace"))

    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{'a': \"it's\", 'b': None, 'c': True}", b'{"a":"it\'s","b":null,"c":true}'),
        ("{'a': 'say \"so\"', 'b': ('x', 1.50)}", b'{"a":"say \\"so\\"","b":["x",1.5]}'),
        ("{'a': u'x', 1: 'y' 'z', 'n': 0x10}", b'{"a":"x","1":"yz","n":16}'),
        ("{'a': 123456789012345678901234567890}", b'{"a":123456789012345678901234567890}'),
        (r"{'a': '\x41\u00e9\n'}", '{"a":"Aé\\n"}'.encode()),
        (r"{'a': '\ud83d'}", b'{"a":"\\ud83d"}'),
        (r"{'a': '<br \/>\\\n'}", b'{"a":"<br \\\\/>\\\\\\n"}'),
        (r"{'a': 'x' '\/'}", b'{"a":"x\\\\/"}'),
        ("{'a': 1e999}", b'{"a":"Infinity"}'),
    ],
)  # fmt: skip
def test_dict_literal_of_any_form_becomes_json(line, expected):
    assert literal_json(line.encode()) == expected


@pytest.mark.parametrize(
    "line",
    [
        "{'a': __import__('os').getcwd()}",
        "{'a': [x for x in (1,)]}",
        "{'a': 1 + 1}",
        "{'a': {1, 2}}",
        "{'a': b'x'",
        "{'a': " + "[" * 5000,
        "{'a': " + "-" * 50_000 + "1}",
        "{'a': " + "9" * 50_000 + "}",
        "{'a': " + "{'a': " * 1100 + "1" + "}" * 1101,
        "not a literal",
        "{'a': 'open}",
        "{'a': true}",
        "{'a'}",
    ],
    ids=range(13),
)  # fmt: skip
def test_line_that_is_no_dict_literal_is_unchanged(line):
    content = b"{'a': 1}\n" + line.encode() + b"\n{'a': 'b'}\n"

    assert read(content, "a.json") == [(1, b'{"a":1}'), (2, line.encode()), (3, b'{"a":"b"}')]


SNAP = """\
product/productId: B1
review/userId: A1
review/score: 5.0
review/text: good: very
 second line


product/productId: B2
review/text: a
review/text: b
product/productId: B3
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_paragraphs_are_records(line_end):
    content = b"\xef\xbb\xbf" + SNAP.replace("\n", line_end).encode()

    actual = read(content, "a.txt")

    assert [(number, orjson.loads(text)) for number, text in actual] == [
        (1, {"product/productId": "B1", "review/userId": "A1", "review/score": "5.0",
             "review/text": "good: very\n second line"}),
        (8, {"product/productId": "B2", "review/text": ["a", "b"]}),
        (11, {"product/productId": "B3"}),
    ]  # fmt: skip


def test_paragraph_without_keys_and_bytes_that_are_not_text_are_unchanged():
    content = "review/text: ä\n\nodd\nlines\n\n".encode() + b"review/text: \xff\nreview/score: 1\n"

    assert read(content, "a.txt")[1:] == [
        (3, b"odd\nlines"),
        (6, b"review/text: \xff\nreview/score: 1"),
    ]


def test_paragraph_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("amazon_reviews.pipeline.source_files.paragraphs.LONGEST_LINE_BYTES", 99)

    with pytest.raises(LandingError, match=r"a\.txt: the paragraph at line 1 is longer"):
        read(b"review/text: a\n" + b"b\n" * 100, "a.txt")
