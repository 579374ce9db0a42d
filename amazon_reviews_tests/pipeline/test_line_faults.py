"""Details of rejected lines that cannot be parsed."""

import base64
import gzip

import pytest

from amazon_reviews.pipeline.line_faults import line_fault

TEXTS = {
    '{"a": 1}{"b": 2}': "two values on one line",
    '{"a": 1} {"b": 2}\r': "two values on one line",
    '{"a": 1},{"b": "}{"}, null': "3 values on one line",
    "[1]": "an array of 1 value",
    '[{"a": 1}, {}]': "an array of 2 values",
    '"x"': "a text",
    "-1.50e3": "the number -1.50e3",
    "true": "true",
    " null ": "null",
    "": "empty",
    " \t": "empty",
    "{'a': 1}": "Python's notation, not JSON, at character 2: 'a': 1}",
    "{u'a': 1}": "Python's notation, not JSON, at character 2: u'a': 1}",
    '{"a": None}': "Python's notation, not JSON, at character 7: None}",
    '{"a": 1': "cut off after 7 characters",
    '{"a": "x': "cut off after 8 characters",
    '{"a": 1} x': "text after an object, at character 10: x",
    '{"a": 1}}': "text after an object, at character 9: }",
    '{"a": 1},': "a comma after an object",
    '{"a": NaN}': "NaN is not a JSON number",
    '{"a": -Infinity}': "-Infinity is not a JSON number",
    '{"a": 01}': "expecting ',' delimiter, at character 8: 1}",
    "<html>": "expecting value, at character 1: <html>",
    r'{"a": "\ud800"}': r"half of a surrogate pair (\ud800 to \udfff), which is not a character",
    "\ufeff{}": "a byte order mark before the value; leave it out",
    '{\0"\0': "zero bytes between the characters; write UTF-16 text as UTF-8",
    '{"a": ' + "[" * 5_000 + "]" * 5_000 + "}": "nested too deeply",
    '{"a": ' + "5" * 5_000 + "} 5": "two values on one line",
}


@pytest.mark.parametrize("text", TEXTS, ids=[text[:20] for text in TEXTS])
def test_detail_describes_a_text_that_is_not_an_object(text):
    assert line_fault("not_json", text, "utf-8") == TEXTS[text]


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (gzip.compress(b"{}", mtime=0), "gzip data"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16 text"),
        ('{"a": "\xe9"}'.encode("latin-1"), "byte 8 of 10 is 0xE9"),
    ],
)
def test_detail_describes_bytes_that_are_not_text(data, detail):
    assert line_fault("not_utf8", base64.b64encode(data).decode(), "base64").startswith(detail)
