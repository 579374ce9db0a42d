"""Labels, texts, words and features of sentiment examples."""

import time

import numpy as np
import pyarrow as pa
import pytest

from amazon_reviews.models.sentiment.features import Features, Weighting
from amazon_reviews.models.sentiment.tasks import IGNORED, TASKS, task_named
from amazon_reviews.models.sentiment.texts import pieces, unusable_reason
from amazon_reviews.models.sentiment.words import blocks, read_words


def words_of(text):
    """Return the words of a text and those that are negated."""
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
        ("binary", [0, 0, IGNORED, 1, 1]),
        ("negative_up_to_3", [0, 0, 0, 1, 1]),
        ("three", [0, 0, 1, 2, 2]),
        ("five", [0, 1, 2, 3, 4]),
    ],
)
def test_tasks_label_stars_and_ignore_unrated_reviews(task, labels):
    task_labels = TASKS[task].labels([1, 2, 3, 4, 5, 0, None, 6, -1])
    assert task_labels.tolist() == labels + [IGNORED] * 4


def test_deprecated_name_gives_the_renamed_task():
    assert task_named("label_a") is TASKS["negative_up_to_3"]


def test_unknown_task_raises_with_its_name():
    with pytest.raises(ValueError, match=r"'stars'.*binary"):
        task_named("stars")


def test_words_are_runs_of_letters_and_of_meaningful_signs():
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


def test_ascii_case_makes_no_difference():
    assert same(row("BAD Thing"), row("bad thing"))


def test_other_alphabets_fold_their_case_and_emoji_stand_alone():
    assert same(row("ÉTÉ ПЛОХО"), row("été плохо"))
    assert words_of("bad😀😀ok")[0] == ["bad", "😀", "😀", "ok"]


def test_words_of_the_summary_count_and_are_marked():
    text, summary = row("terrible"), row("", "terrible")
    assert not same(text, summary)
    shared = text.multiply(summary)
    assert shared.nnz >= 2


def test_text_that_repeats_its_summary_counts_once():
    assert same(row("Five Stars", "Five Stars"), row("", "Five Stars"))


def test_order_of_words_changes_the_features():
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


def test_hostile_texts_are_read_within_two_seconds():
    hostile = [
        "a" * 10_000_000,
        "<" * 10_000_000,
        "&" * 10_000_000,
        "é " * 5_000_000,
        "\ud800 ok",
        "\0",
    ]
    began = time.process_time()
    matrix = Features().matrix([None] * len(hostile), hostile)
    assert time.process_time() - began < 2
    assert same(matrix[[4]], row("ok"))
    assert matrix[[5]].nnz == 0


def test_different_numbers_of_texts_and_summaries_raise():
    with pytest.raises(ValueError, match="1 summaries, 2 texts"):
        Features().matrix(["a"], ["a", "b"])


def test_weighted_rows_have_length_one_and_a_constant():
    counts = Features().matrix(["", "", ""], ["good good product", "bad product", ""])
    rows = Weighting.of(counts).apply(counts)
    lengths = np.sqrt(np.asarray((rows[:, :-1].multiply(rows[:, :-1])).sum(axis=1)).ravel())
    np.testing.assert_allclose(lengths, [1, 1, 0], atol=1e-6)
    assert rows[:, [-1]].toarray().ravel().tolist() == [1, 1, 1]


def test_repeated_word_counts_by_its_logarithm_and_rare_word_counts_more():
    counts = Features().matrix([""] * 3, ["odd odd item", "item", "item"])
    rows = Weighting.of(counts).apply(counts)
    odd, item = (Features().matrix([""], [word]).indices for word in ("odd", "item"))
    (odd,), (item,) = (rows[[0]][:, slots].toarray() for slots in (odd, item))
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
def test_texts_without_words_have_an_unusable_reason(text, reason):
    assert reason in unusable_reason(text)


@pytest.mark.parametrize("text", ["ok", "OK!", "I 2", "très", "好的", "a b"])
def test_text_with_two_letters_is_usable(text):
    assert (unusable_reason(text) is None) == (sum(map(str.isalpha, text)) > 1)
