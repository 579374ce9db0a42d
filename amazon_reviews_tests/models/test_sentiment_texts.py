"""Labels, texts, words and features of sentiment examples."""

import time

import numpy as np
import pyarrow as pa
import pytest

from amazon_reviews.models.sentiment.features import Features, Weighting
from amazon_reviews.models.sentiment.tasks import LEFT_OUT, TASKS, task_named
from amazon_reviews.models.sentiment.texts import pieces, refusal
from amazon_reviews.models.sentiment.words import blocks, read_words


def words_of(text):
    """The words of a text and those that are negated."""
    (block,) = blocks(pieces([None], [text]), 2)
    words = read_words(block)
    names = [
        block.data[a:b].tobytes().decode() for a, b in zip(words.starts, words.ends, strict=True)
    ]
    return names, [
        name for name, is_negated in zip(names, words.negated, strict=True) if is_negated
    ]


def row(text, summary=None):
    return Features().matrix([summary], [text])


def same(a, b):
    return (a != b).nnz == 0


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("binary", [0, 0, LEFT_OUT, 1, 1]),
        ("label_a", [0, 0, 0, 1, 1]),
        ("three", [0, 0, 1, 2, 2]),
        ("five", [0, 1, 2, 3, 4]),
    ],
)
def test_every_task_labels_its_stars_and_leaves_out_the_unrated(task, labels):
    found = TASKS[task].labels([1, 2, 3, 4, 5, 0, None, 6, -1])
    assert found.tolist() == labels + [LEFT_OUT] * 4


def test_an_unknown_task_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'stars'.*binary"):
        task_named("stars")


def test_words_are_runs_of_letters_and_of_signs_that_say_something():
    assert words_of("Good, (isn't it)?!!?  5 stars :) it's")[0] == [
        "Good",
        "isnt",
        "it",
        ")?!",
        "5",
        "stars",
        ":)",
        "its",
    ]


def test_words_after_a_negation_are_negated_to_the_end_of_the_clause():
    assert words_of("not really very good at all. good")[1] == ["really", "very", "good", "at"]
    assert words_of("never. good")[1] == []
    assert words_of("It doesn’t work")[1] == ["work"]


def test_case_html_and_typography_make_no_difference():
    plain = row("it doesnt work & it is tres chic", "bad thing")
    written = row("It <b>doesn’t</b> work &amp; it<br/>is TRES\u00a0chic", "BAD “thing”")
    assert same(plain, written)


def test_case_makes_no_difference_in_ascii_either():
    assert same(row("BAD Thing"), row("bad thing"))


def test_other_alphabets_fold_their_case_and_emoji_stand_alone():
    assert same(row("ÉTÉ ПЛОХО"), row("été плохо"))
    assert words_of("bad😀😀ok")[0] == ["bad", "😀", "😀", "ok"]


def test_words_of_the_summary_count_and_are_told_apart():
    text, summary = row("terrible"), row("", "terrible")
    assert not same(text, summary)
    shared = text.multiply(summary)
    assert shared.nnz >= 2


def test_a_text_that_repeats_its_summary_counts_once():
    assert same(row("Five Stars", "Five Stars"), row("", "Five Stars"))


def test_order_matters():
    assert not same(row("good not bad"), row("bad not good"))


def test_rows_do_not_depend_on_their_neighbours_or_on_blocks():
    texts = [f"word{k} not good {'x' * (k % 50)} end{k % 7}!" for k in range(9_000)]
    together = Features().matrix([None] * len(texts), texts)
    assert together.shape == (9_000, 1 << 20)
    for k in (0, 1, 4_321, 8_999):
        assert same(together[[k]], row(texts[k]))


def test_arrow_slices_lists_and_nulls_give_the_same_rows():
    texts = ["one two", None, "", "three"]
    sliced = pa.chunked_array([["skipped", "one two"], [None, "", "three"]]).slice(1)
    assert same(Features().matrix(texts, texts), Features().matrix(pa.array(texts), sliced))
    assert Features().matrix([], []).shape == (0, 1 << 20)


def test_hostile_texts_are_read_in_no_time():
    hostile = [
        "a" * 10_000_000,
        "<" * 10_000_000,
        "&" * 10_000_000,
        "é " * 5_000_000,
        "\ud800 ok",
        "\0",
    ]
    began = time.process_time()
    found = Features().matrix([None] * len(hostile), hostile)
    assert time.process_time() - began < 2
    assert same(found[[4]], row("ok"))
    assert found[[5]].nnz == 0


def test_as_many_texts_as_summaries():
    with pytest.raises(ValueError, match="1 summaries, 2 texts"):
        Features().matrix(["a"], ["a", "b"])


def test_weighted_rows_have_length_one_and_a_constant():
    counts = Features().matrix(["", "", ""], ["good good product", "bad product", ""])
    rows = Weighting.of(counts).apply(counts)
    lengths = np.sqrt(np.asarray((rows[:, :-1].multiply(rows[:, :-1])).sum(axis=1)).ravel())
    np.testing.assert_allclose(lengths, [1, 1, 0], atol=1e-6)
    assert rows[:, [-1]].toarray().ravel().tolist() == [1, 1, 1]


def test_a_repeated_word_counts_by_its_logarithm_and_a_rare_one_more():
    counts = Features().matrix([""] * 3, ["odd odd item", "item", "item"])
    rows = Weighting.of(counts).apply(counts)
    odd, item = (Features().matrix([""], [word]).indices for word in ("odd", "item"))
    (odd,), (item,) = (rows[[0]][:, found].toarray() for found in (odd, item))
    rarity = (1 + np.log(4 / 2)) / (1 + np.log(4 / 4))
    assert max(odd) / min(item[item > 0]) == pytest.approx((1 + np.log(2)) * rarity, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "empty"),
        ("", "empty"),
        (" \n\t", "empty"),
        (float("nan"), "empty"),
        ("a", "only one letter"),
        ("5 b 6", "only one letter"),
        ("12345", "only digits"),
        ("-1,000.5", "only digits"),
        ("!!!", "no letters"),
    ],
)
def test_texts_that_say_nothing_are_refused_with_a_reason(text, reason):
    assert reason in refusal(text)


@pytest.mark.parametrize("text", ["ok", "OK!", "I 2", "très", "好的", "a b"])
def test_two_letters_are_enough(text):
    assert (refusal(text) is None) == (sum(map(str.isalpha, text)) > 1)
