"""Cleaning of HTML: tags, entities and white space."""

import html
from html.entities import name2codepoint

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from amazon_reviews.transforms.html import clean_text, strip_tags, unescape


def apply(spark, function, texts):
    """Return the results of a Column -> Column function, in the order of `texts`."""
    rows = spark.createDataFrame(list(enumerate(texts)), "place int, text string")
    results = rows.select("place", function(F.col("text")).alias("result")).collect()
    return [row["result"] for row in sorted(results, key=lambda row: row["place"])]


CLEAN = {
    "a tag becomes a blank": ("one<br>two<BR/>three", "one two three"),
    "attributes go with their tag": ('<a href="/x?a=1&amp;b=2">Learn more</a>', "Learn more"),
    "a name that is no element, with an attribute": ('<x-video id="3">here', "here"),
    "a span that nothing closes": ('<span class="a-size-medium a-color-secondary"', ""),
    "a span that breaks off after words": ('Title <span class="a-size', "Title"),
    "an end tag that breaks off": ("words </div", "words"),
    "namespaces": ("<o:p></o:p>words", "words"),
    "comments and declarations": ("<!-- no --> words <!DOCTYPE html>", "words"),
    "scripts with what they hold": ('a <script>if (a<b) x="<b>";</script> b', "a b"),
    "style sheets with what they hold": ("a<style type='text/css'>p{color:red}</style >b", "a b"),
    "a script that nothing closes": ("words <script>alert(1)", "words"),
    "less than": ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
    "a heart": ("I <3 it", "I <3 it"),
    "less than without blanks": ("if a<b", "if a<b"),
    "a word in angle brackets": ("well <sigh> no <xxxxx>", "well <sigh> no <xxxxx>"),
    "an escaped tag is text": ("use &lt;b&gt; for bold", "use <b> for bold"),
    "entities": ("R&amp;D &reg; caf&eacute; &#39;x&#x27; &hellip;", "R&D ® café 'x' …"),
    "entities escaped twice": ("&amp;quot;x&amp;quot; &amp;amp; &amp;#39;", '"x" & \''),
    "an ampersand alone": ("AT&T; R&D; Q & A", "AT&T; R&D; Q & A"),
    "white space of every kind": ("\u00a0a\u2003 b\r\n\tc&nbsp;\x00d\x85 ", "a b c d"),
    "empty": ("", ""),
    "null": (None, None),
}


def test_clean_text_removes_markup_and_keeps_words(spark):
    cleaned = apply(spark, clean_text, [text for text, _ in CLEAN.values()])
    assert dict(zip(CLEAN, cleaned, strict=True)) == {
        name: expected for name, (_, expected) in CLEAN.items()
    }


def test_strip_tags_keeps_entities_and_white_space(spark):
    assert apply(spark, strip_tags, ["a<b>&lt;i&gt;\n c", None]) == ["a &lt;i&gt;\n c", None]


def test_unescape_keeps_tags_and_white_space(spark):
    assert apply(spark, unescape, ["<b>&lt;\n &amp;", None]) == ["<b><\n &", None]


def test_unescape_knows_every_name_of_html_4(spark):
    texts = [f"x&{name};y" for name in name2codepoint]
    assert apply(spark, unescape, texts) == [html.unescape(text) for text in texts]


@pytest.mark.parametrize("pattern", ["&#{};", "&#0{};", "&#x{:x};", "&#X{:X};"])
def test_numeric_entities_are_read_as_in_html_5(spark, pattern):
    codes = [*range(32, 0x260), 0x2019, 0x20AC, 0xD55C, 0xFB01, 0xFFFD, 0x1F600, 0x1F9D1]
    texts = [pattern.format(code) for code in codes]
    read = dict(zip(texts, apply(spark, unescape, texts), strict=True))
    no_character = {pattern.format(code) for code in (0x81, 0x8D, 0x8F, 0x90, 0x9D, 127)}
    assert {text: read[text] for text in texts if text not in no_character} == {
        text: html.unescape(text) for text in texts if text not in no_character
    }


def test_texts_like_entities_stay(spark):
    texts = ["&unknown;", "&#xD800;", "&#56000;", "&#9999999;", "&#;", "&#x;", "&;", "&amp"]
    assert apply(spark, unescape, texts) == texts


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.text(
            st.sampled_from("<>/&;#xab3 =\"'!-\n\u00a0é😀")
            | st.characters(exclude_categories=["Cs"])
        ),
        min_size=20,
    )
)
def test_any_text_is_cleaned_and_words_outside_of_markup_stay(spark, texts):
    texts = [text.replace("\x00", "") for text in texts]
    plain = [text.translate(dict.fromkeys(map(ord, "<&"))) for text in texts]
    for cleaned in apply(spark, clean_text, texts):
        assert cleaned == cleaned.strip(" ")
        assert "  " not in cleaned
    for text, cleaned in zip(plain, apply(spark, clean_text, plain), strict=True):
        assert letters(cleaned) == letters(text)


def letters(text):
    return [character for character in text if character.isalnum()]


@pytest.mark.parametrize("piece", ["<", "&", "<a ", "&#39;", " ", "<script>", "&amp;", "<!--"])
def test_long_repetitions_of_markup_are_cleaned(spark, piece):
    (cleaned,) = apply(spark, clean_text, [piece * 20_000 + "; end"])
    assert cleaned is not None
