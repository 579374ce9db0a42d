# ruff: noqa: RUF001
"""Text from data: nothing obeys it, in a terminal, Markdown, HTML and CSV."""

import ast
import csv
import html.parser
import io
import re
from pathlib import Path

import pytest

import amazon_reviews
from amazon_reviews.errors import BuildError, one_line
from amazon_reviews.shown_text import (
    csv_cell,
    html_text,
    markdown_table,
    markdown_text,
    terminal_text,
    visible_text,
    write_csv,
)

MARKUP = "Toys [/b] [red]Games[/red] [link=http://evil.example]x[/link] :bug:"
HOSTILE = [
    MARKUP,
    "![x](http://evil.example/beacon.png)",
    "[x](javascript:alert(1))",
    "<http://evil.example> <a@evil.example> www.evil.example http://evil.example/a_b",
    "<img src=http://evil.example/x onerror=alert(1)> <script>alert(1)</script>",
    "*a* _b_ __c__ ~~d~~ `e` ```f``` $g$ :red[h] [^1] &lt;i&gt;",
    "a|b \\| c \\\\| d \\",
    "# a",
    "1. a",
    "- a",
    "> a",
    "+ a\n\n    b\n---",
    "`` ` ![x](http://evil.example/y.png)",
    "`|![x](http://evil.example/y.png)",
]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Crème brûlée 日本 👩‍🔧", "Crème brûlée 日本 👩‍🔧"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\u202eb\u2066c\u200e", "a\\u202eb\\u2066c\\u200e"),
        ("\r\t\x9b1m\x00\x7f", "\\r\\t\\x9b1m\\x00\\x7f"),
        ("two\nlines", "two\\nlines"),
        ("\ud800\u2028", "\\ud800\\u2028"),
        (MARKUP, MARKUP),
        (None, "None"),
    ],
)
def test_visible_text_is_one_line_without_unseen_characters(text, line):
    assert visible_text(text) == line


def test_a_text_for_a_terminal_keeps_its_lines():
    assert terminal_text("two\nlines\x1b[2J\u202e") == "two\nlines\\x1b[2J\\u202e"


def test_an_error_names_hostile_values_as_escapes():
    assert str(BuildError("part \x1b[2J\u202e")) == "part \\x1b[2J\\u202e"
    assert one_line(ValueError("a\x1b\n b")) == "ValueError: a\\x1b b"


@pytest.mark.parametrize(
    "text", ["Five Stars", "review_id", "Tea, 5 % (hot)", "recall@10", "A & B"]
)
def test_plain_words_are_markdown_as_they_are(text):
    assert markdown_text(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_everything_else_is_one_code_span(text):
    assert code_of(markdown_text(text)) == visible_text(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_in_its_cell_of_a_table(text):
    rows = markdown_table(["a", "b"], [[text, 1], ["x", None]]).split("\n")

    assert len(rows) == 4
    # GitHub's Markdown reads a backslash with the character after it before it looks for cells.
    first, second = re.findall(r"((?:\\[\\|]|[^|])+)\|", rows[2].removeprefix("|"))
    assert second == " 1 "
    shown = code_of(first.strip()).replace("\\|", "|").replace("\\", "")
    cut = text if len(text) <= 60 else f"{text[:60]}…"
    assert shown == visible_text(cut).replace("\\", "")


def test_a_long_cell_is_cut_before_it_becomes_code():
    cell = markdown_table(["a"], [["*" * 100]]).split("\n")[2]

    assert cell == f"| ` {'*' * 60}… ` |"


def code_of(markdown):
    """Return the text of Markdown that is a single code span."""
    fence, text = re.fullmatch(r"(`+) (.*) \1", markdown).groups()
    assert fence not in re.findall("`+", text)
    return text


@pytest.mark.parametrize("text", HOSTILE)
def test_html_has_neither_tags_nor_attributes_of_the_text(text):
    read = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attributes: read.append((tag, attributes))
    parser.handle_data = read.append
    parser.feed(f'<p title="{html_text(text)}">{html_text(text)}')
    parser.close()

    assert read[0] == ("p", [("title", visible_text(text))])
    assert "".join(read[1:]) == visible_text(text)


@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\n", "\r\n", "\0", "\ufeff", "\u200b", "\u202e"]
)
@pytest.mark.parametrize(
    "formula", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "＝1", "＋1", "－1", "＠A"]
)
def test_a_formula_gets_an_apostrophe(before, formula):
    assert csv_cell(before + formula).startswith("'")


@pytest.mark.parametrize("start", ["\t", "\n", "\r", "\0"])
def test_a_cell_with_a_control_character_first_gets_an_apostrophe(start):
    assert csv_cell(f"{start}a").startswith("'")


@pytest.mark.parametrize(
    "value", ["-1", "+1.5", "-.5e-3", "a=1", "1-2", "", " a ", "a\n=1", -1, None]
)
def test_numbers_and_other_texts_are_unchanged_in_csv(value):
    assert csv_cell(value) == value


def test_csv_has_no_control_characters_but_tabs_and_line_ends():
    target = io.StringIO(newline="")
    write_csv(target, [["a\x1b[2J"], ["a\u202e\u2066b\u200d\u00ad"], ["a\tb\r\nc\0"]])

    rows = list(csv.reader(io.StringIO(target.getvalue(), newline="")))
    assert rows == [["a\\x1b[2J"], ["a\\u202e\\u2066b\u200d\u00ad"], ["a\tb\r\nc\\x00"]]


# What obeys or formats text, and the only modules that may use it.
ONLY_IN = {
    "csv.writer": {"shown_text", "devtools"},
    "csv.DictWriter": {"devtools"},
    # Redaction looks for the forms of a secret, and shows none.
    "html.escape": {"shown_text", "redaction"},
    "click.echo": {"cli.common.console"},
    "click.secho": set(),
    "sys.stdout.write": set(),
    "Console": {"cli.common.console"},
    "Text.from_markup": set(),
    "Text.from_ansi": set(),
    "MetadataValue.md": {"defs.assets.metadata"},
    "MarkdownMetadataValue": set(),
    "st.markdown": set(),
    "st.write": set(),
    "st.html": {"serving.dashboard.main"},
    "st.dataframe": {"serving.dashboard.components", "serving.dashboard.views.sentiment_file"},
    "st.altair_chart": {"serving.dashboard.components"},
}
OPTIONS = {"unsafe_allow_html": (), "unsafe_allow_javascript": (), "markup": (False,)}
SHOWS = {"st.text": ("visible_text", "terminal_text"), "st.error": ("markdown_text",)}
SHOWS["st.dataframe"] = ("visible", "style.visible")

NAMES = re.compile("|".join(map(re.escape, (*ONLY_IN, *SHOWS, *OPTIONS))))


def test_nothing_shows_text_around_the_module():
    """Else a value could reach a terminal, a page or a file as it came."""
    found: list[str] = []
    root = Path(amazon_reviews.__file__).parent
    for path in root.rglob("*.py"):
        # Most modules need not be parsed, which takes time.
        if NAMES.search(source := path.read_text()):
            module = ".".join(path.relative_to(root).with_suffix("").parts)
            calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
            found += [f"{module}: {ast.unparse(call)}" for call in calls if _shows(call, module)]

    assert found == []


def _shows(call, module):
    if any(
        option.arg in OPTIONS and ast.literal_eval(option.value) not in OPTIONS[option.arg]
        for option in call.keywords
    ):
        return True
    name = ast.unparse(call.func)
    for function, modules in ONLY_IN.items():
        if f".{name}".endswith(f".{function}") and not any(
            module == each or module.startswith(f"{each}.") for each in modules
        ):
            return True
    return name in SHOWS and not _is_shown(call.args[0], SHOWS[name])


def _is_shown(argument, functions):
    if isinstance(argument, ast.Constant):
        return True
    return isinstance(argument, ast.Call) and ast.unparse(argument.func) in functions
