# ruff: noqa: RUF001
"""Lines of values that engines are known to read differently."""

import json
from typing import Any

from amazon_reviews.transforms.titles import FIELDS as TITLES
from amazon_reviews_tests.helpers import Record, product, review

TEXTS = [
    *("", " ", "\t", "\x00", "a\x00b", "\x0b\x0c", "\x1c\x1d\x1e\x1f", "\x7f", "\x85", "\xa0a\xa0"),
    *("\x1b[31ma \x9b", "\u202ea\u202d b", "\u2066a\u2069", "\x00 \x01 a", "\u200ea\u061c"),
    *("\u200b a \u200b", "\u2028a\u2029b", "\ufeffa", "a  b", " a ", "a\r\nb", "a\u3000b"),
    *("İSTANBUL", "ıi", "STRASSE ẞ ß", "ΟΔΟΣ ΣΑΣ", "ǅ ǆ Ǆ", "ﬁ ŉ ǰ", "e\u0301 é", "\u212a \u017f"),
    *(
        "👨\u200d👩\u200d👧 ok",
        "😀" * 3,
        "𝒜𝒷 𐐀",
        "مرحبا",
        "日本語 テキスト",
        "٣ ３ Ⅷ ½",
        "a_b-c d’t don't",
    ),
    *(
        "<b>bold</b>",
        "<<b>>",
        "<B\nclass='x'>y",
        "<scr<script>x</script>ipt>",
        "<!-- a",
        "<!-->a-->b",
    ),
    *(
        "<\u017fcript>a</\u017fcript>",
        "<IFRAME src=x",
        "a <3 b",
        "5 < 6 > 4",
        "<a href='x>y'>z</a>",
    ),
    *(
        "&amp;amp;lt;",
        "&#0;",
        "&#128;",
        "&#xD800;",
        "&#55357;",
        "&#1114111;",
        "&#x1F600;",
        "&#10;x",
    ),
    *("&nope;", "&AMP;", "&quot", "&#39;&apos;", "&;", "&#;", "&#x;", "&nbsp;a&nbsp;", "&lt;b&gt;"),
    *(
        "$1 ${x} \\1 \\",
        'say "x"',
        "\\u0041",
        "%s {0}",
        "http://a.b/c?d=e f",
        "www.é.com x",
        "HTTPS://A",
    ),
    *(
        "{",
        "[",
        "{x}",
        "[x]",
        '{"a": 1}',
        "null",
        "NaN",
        "true",
        "-",
        "a" * 5_000,
        "é\u0301" * 2_000,
    ),
    *('"' * 2_000, "\\" * 2_000, "<" * 500, "&amp;" * 300, "<b " * 200),
]
NUMBERS: list[Any] = [
    *(0, 1, 5, 5.0, 4.95, 4.949999999, 2.25, 2.35, 0.04, 0.05, 5.04, 5.05, -0.0, -1, 1e2, 6),
    *(True, None, [], {}, [5], "5", " 5", "5 ", "\t5\n", "\xa05", "+5", "-5", "5e0", "5E+0", "0x5"),
    *(
        "5f",
        "5d",
        "5D",
        "5L",
        "05",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "1_0",
        "٣",
        "３",
        "5,0",
        ".5",
    ),
    *(
        "5.",
        ".",
        "e",
        "",
        " ",
        "1e400",
        "1e-400",
        "4.999999999999999999",
        "1" * 400,
        "0x1p2",
        "1/2",
    ),
    *("5\x00", "\x005", "\u20035", "5\u200b", "+-5", "--5", "5e", "1e5.0", "infinity", "+Infinity"),
]
COUNTS: list[Any] = [
    *(0, 3, 3.0, 3.5, -1, 2_147_483_647, 2_147_483_648, 1e10, None, True, [], "1,341", "1,,2", ","),
    *(
        "3.0",
        "3e0",
        "+3",
        " 3",
        "3 ",
        "3f",
        "1e10",
        "2147483648",
        "-1",
        "３",
        "",
        " ",
        "1 341",
        "NaN",
    ),
    *("Infinity", "9" * 30, "0.0", "-0", "1,341.0", "\x1f3"),
]
FLAGS: list[Any] = [
    *(True, False, None, 0, 1, 2, "true", "TRUE", "tRuE", " true ", "t", "T", "yes", "y", "Y", "1"),
    *(
        "0",
        "no",
        "n",
        "f",
        "F",
        "false\t",
        "tru",
        "on",
        "off",
        "",
        " ",
        "\xa0true",
        "1.0",
        "00",
        [],
    ),
]
SECONDS: list[Any] = [
    *(0, 788_918_399, 788_918_400, 788_918_399.999, 4_102_444_799, 4_102_444_799.5, 1472688000.7),
    *(-1, 1e300, None, "1472688000", "1472688000.7", "1.472688e9", " 1472688000 ", "1472688000L"),
    *("1472688000d", "+1472688000", "NaN", "Infinity", "", "x", "1,472,688,000", 4_102_444_798.999),
]
DAYS: list[Any] = [
    *(
        "09 1, 2016",
        "9 31, 2016",
        "2 29, 2015",
        "2 29, 2016",
        "13 1, 2016",
        "0 0, 2016",
        "9 1, 0000",
    ),
    *("9 1, 9999", "٠٩ 1, 2016", " 9 1, 2016 ", "\xa09 1, 2016", "9 1, 2016\n", "0009 1, 2016"),
    *("Sept 1, 2016", "Sep. 1 2016", "1 sept 2016", "SEPTEMBER 1, 2016", "Mai 1, 2016"),
    *("September 31, 2016", "Sept 1, 16", "septiembre 1, 2016", "9 1,2016", "mar 1, 1994"),
    *("2016-09-01T23:30:00-05:00", "2016-09-01T05:06Z", "2016-09-01 05:06:07.123456789"),
    *("2016-09-01T24:00:00", "2016-09-01T05:06+14:59", "2016-9-1T05:06:07", "2016-02-30T05:06"),
    *("2016-09-01", "2016-9-1", "2016", "2016-09", "2016-09-01T05", "2016-09-01 x", "now", "today"),
    *(
        "epoch",
        "20160901",
        "+2016-09-01",
        "-2016-09-01",
        " 2016-09-01 ",
        "9 1 2016",
        "",
        None,
        5,
        [],
    ),
]
STYLES: list[Any] = [
    *(None, {}, [], "", "x", 5, True, {"Size:": " L"}, {"Size:": None}, {"Size:": ""}, {"a": 1.50}),
    *({"A:": [1, None], "B:": {"C:": " x"}, "D:": 1.5}, '{"A:" : null, "A": "x"}'),
    *({"a": {"b": [1, None]}}, {"a": True}, {"Size:  ": "  L  "}, {"a:": '":" x'}, {"é:": "\xa0é"}),
    *(
        '{"a": "b"}',
        "{'a': 'b'}",
        '{"a": NaN}',
        '{"a": "b"',
        '{"a": 1, "a": 2}',
        "{}",
        "null",
        "[1]",
    ),
    *({"b": "1", "a": "2", "B": "3"}, {"": "x"}, {"a\x00": "\x00"}, {"a": "\\"}, {"\\": "a"}),
]
IMAGES: list[Any] = [
    *(None, [], ["a"], ["a", None], [1, 2.0], [["a"]], [{"a": 1}], {}, {"a": "b"}, "a", "", "[]"),
    *('["a"]', '["a"', '["a",]', "['a']", "[NaN]", "[1 2]", " [1]", "[null]", 5, True, "null"),
]
_BODY = '"reviewerID": "A", "asin": "B", "reviewText": "t", "summary": "s"'
LINES = [
    *(
        "{}",
        "[]",
        "null",
        "true",
        "5",
        '"x"',
        "",
        " ",
        "x",
        "{",
        "}",
        "[{}]",
        "{} {}",
        "{}x",
        "{},",
    ),
    *(
        f"{{{_BODY}, {rest}}}"
        for rest in (
            '"overall": 05.0',
            '"overall": +5',
            '"overall": .5',
            '"overall": 5.',
            '"overall": 5e',
            '"overall": -',
            '"overall": NaN',
            '"overall": Infinity',
            '"overall": -Infinity',
            '"overall": 5,',
            '"overall": 5 /* x */',
            '"overall": 5 // x',
            "'overall': 5",
            "overall: 5",
            '"overall": 5, "overall": 4',
            '"overall": 5, "OVERALL": 4',
            '"overall": 5.00000000000000001',
            '"overall": 5e-1',
            '"overall": 50E-1',
            '"overall": 1e999',
            f'"overall": {"5" * 1_200}',
            '"overall": 5, "": 1',
            '"overall": 5, "x": 1.0e2',
            '"overall": 5, "x": 1E400',
            '"overall": tru',
            '"overall": 5, "x": 12345678901234567890123',
            '"overall": 5, "x": 0.1000',
            '"overall": 5, "x": -0',
            '"overall": 5, "x": -0.0',
            '"overall": 5, "x": 1e-7',
            '"overall": 5, "x": 1e16',
            '"overall": 5, "x": {"b": 2, "a": 1.10}',
            '"overall": 5, "x": [1.0, 2e3, "\\u00e9\\/"]',
            '"overall": 5, "x": "\\ud83d\\ude00"',
            '"overall": 5, "x": 1, "x": 2',
            '"overall": 5, "x": null',
            f'"overall": 5, "x": {"[" * 100}{"]" * 100}',
            f'"overall": 5, "x": {"[" * 3_000}{"]" * 3_000}',
        )
    ),
    *(
        f'{{"reviewerID": "A", "asin": "B", "overall": 5, "reviewText": "{text}"}}'
        for text in (
            "\\ud800",
            "\\udc00\\ud800",
            "\\ud83d x",
            "\\u0000",
            "\\x41",
            "\\u12",
            "\\u00zz",
            "\\'",
            "\\a",
            "\x01",
            "\t",
            "\x7f",
            "\x0b",
            "\\/",
            "\\b\\f\\n\\r\\t",
            "\\uD83D\\uDE00",
            "\\ufeff",
            "\\uffff",
        )
    ),
    *(
        f'{before}{{{_BODY}, "overall": 5}}{after}'
        for before, after in (
            ("\ufeff", ""),
            ("\xa0", ""),
            ("", "\xa0"),
            ("\x00", ""),
            ("", "\x00"),
            ("\u2028", ""),
            ("\x0b", ""),
            ("\x0c", "\x0c"),
            ("\t ", " \r"),
            ("", "}"),
            ("", ","),
            ("", "#"),
            ("", " null"),
        )
    ),
]
PRICES = [
    *(
        "$12.99",
        "$1,234.00",
        "12",
        ".5",
        "$.99 - $3",
        "$1 – $2",
        "\xa0$5\xa0",
        "$5\n",
        "$5 - ",
        "٣",
    ),
    *(
        "$12.995",
        "$0.005",
        "9" * 9,
        "9" * 11,
        "$1,23",
        "",
        "<b>$5</b>",
        "$ 5",
        "$-5",
        "$5.00.00",
        *("1e1", "1.25E+1", "1e-3", "5e-3", "1e99", "1e-99", "1e100", "12345678.5e0", "$1e1 - 2e1"),
        "１",
    ),
]
PAGES = [
    *(
        '<img alt="Women\'s  Clothing" src=x>',
        "<img alt='é\u2028'>",
        "<img alt=x>",
        "by\nOakwood",
        "by\n\n x",
    ),
    *(
        "var x = getTime()",
        'x" />',
        "#1,234 in Home & Kitchen (See top 100)",
        ">#5 in X",
        '["#7 in Y"]',
    ),
    *('Cable 1/2" />', ' Books" class="nav" />', "getTime()", "by Apple", "by\xa0x", "By Terry"),
    *("Sept 6, 2011", "Sep. 6, 2011", "6 Sep 2011", "May 6, 1811", "Sept. 31, 2011", "may 6 2011"),
    *(
        "May 26, 2011",
        "May 32, 2011",
        "Mai 26, 2011",
        "February 29, 2011",
        "June 7, 0000",
        "May 1, 2011\n",
    ),
    *('<span class="a-text-bold">Shipping Weight: </span><span>1 pounds</span>', "Item Weight: 5"),
    *(
        "<th>Item Weight</th><td>3 \u2028 kg</td>",
        "<TH>Batteries</TH><TD>1 İ</TD>",
        '{"Item Weight": " 5 "}',
    ),
]


def review_lines() -> list[str]:
    """Return lines of reviews, each hostile in one place."""
    fields = {
        **dict.fromkeys(("reviewerID", "asin", "reviewText", "summary", "reviewerName"), TEXTS),
        **{"overall": NUMBERS, "vote": COUNTS, "verified": FLAGS, "unixReviewTime": SECONDS},
        **{"style": STYLES, "image": IMAGES, "unknown": [*TEXTS, *NUMBERS, *STYLES]},
    }
    records = [review(**{name: value}) for name, values in fields.items() for value in values]
    records += [review(unixReviewTime=..., reviewTime=day) for day in DAYS]
    return [*map(_as_json, records), *LINES, *_long_reviews()]


def _long_reviews() -> list[str]:
    """Return reviews that overflow a stack, or take hours, if they are searched step by step."""
    texts = ["a" * 2**20, '"' * 2**19, "\\n" * 2**12, " " * 20_000]
    lines = [_as_json(review(reviewText=text, extra=1)) for text in texts]
    lines += [_as_json(review(vote="1" * 20_000 + "x")), "x" * 2**20, " " * 20_000 + "x"]
    escaped = 'say "x" \\ é\n'
    for size in (40_000, 2**20, 4_000_000):
        for text in ("word ", escaped):
            line = json.dumps(review(asin="@", reviewText=text * (size // len(json.dumps(text)))))
            lines.append(line.replace('"@"', '12345678.5, "x": [1e-7, -0.0]'))
    lines.append(_as_json(review(reviewText="x" * 40_000)) + '"' + '\\"1' * 2**18)
    odd = _as_json(review()).replace('"A2OCDK0BOW6UCY"', "1e5-0")
    return [*lines, odd, odd.replace("1e5-0", "0.0001-0.0002")]


def product_lines() -> list[str]:
    """Return lines of products, each hostile in one place."""
    pairs: list[Any] = [[*pair] for pair in zip(TEXTS, PAGES * 9, strict=False)]
    odd = [*TEXTS, *PAGES, *PRICES, *IMAGES, *pairs]
    names = ["asin", "title", "brand", "main_cat", "category", "price", "description", "feature"]
    names += ["details", "image", "rank", "date", "also_buy", "tech1", "unknown"]
    records = [product(**{name: value}) for name in names for value in odd]
    return [*map(_as_json, records), *LINES]


def title_records() -> list[str]:
    """Return records of titles, each hostile in one place."""
    usual: Record = {"show_id": "s1", "type": "Movie", "title": "A", "release_year": 2014}
    records = [usual | {"date_added": day} for day in DAYS if isinstance(day, str)]
    records += [usual | {"release_year": n} for n in NUMBERS if isinstance(n, str | int)]
    records += [usual | {name: text} for name in ("show_id", "title", "cast") for text in TEXTS]
    lines = [",".join(_quoted(record.get(name, "")) for name in TITLES) for record in records]
    return [*lines, "s1,Movie", "", '"', "," * 40]


def rating_records(*users: str) -> list[str]:
    """Return records of ratings by these users."""
    stars = ("4.5", "5", "nan", "", "1,2")
    records = [f"{user},{number},5,as1" for user in users for number in stars]
    return records + [f"{users[0]},4,5,{_quoted(text)}" for text in TEXTS]


def _quoted(value: object) -> str:
    return '"' + str(value).replace('"', '""') + '"'


def _as_json(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)
