"""The figures of the models in words, on evaluations with known figures."""

import pyarrow as pa
import pytest

from amazon_reviews.models.loading import ONLY_GENERATED
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.serving.findings.models import recommender_in_words, sentiment_in_words
from amazon_reviews_tests.serving.synthetic import write_warehouse


@pytest.fixture
def reader(tmp_path):
    """A function that returns a reader of tables with these rows."""

    def load(**rows_by_noun):
        tables = {
            f"gold/{noun}": pa.Table.from_pylist(rows, TABLES[f"gold/{noun}"].arrow_schema)
            for noun, rows in rows_by_noun.items()
        }
        warehouse = open_warehouse(write_warehouse(tmp_path, tables))
        return lambda query, *args: query(warehouse, *args)

    return load


def evaluated(model, accuracy, task="binary", part="all", **values):
    return {
        "model": model,
        "task": task,
        "part": part,
        "rows": 1_000,
        "accuracy": accuracy,
        **values,
    }


EVALUATION = [
    evaluated("project", 0.976, only_generated=False),
    evaluated("majority", 0.94),
    evaluated("project", 0.5, part="category"),
    evaluated("project", 0.6, task="three"),
]
CONFUSION = [
    {"task": task, "actual": actual, "predicted": predicted, "reviews": reviews}
    for task, actual, predicted, reviews in (
        ("binary", "negative", "negative", 71),
        ("binary", "negative", "positive", 29),
        ("binary", "positive", "positive", 900),
        ("three", "negative", "negative", 5),
    )
]


def test_accuracy_stands_beside_the_majority_and_the_recall_of_negatives(reader):
    read = reader(sentiment_evaluation=EVALUATION, sentiment_confusion=CONFUSION)

    assert sentiment_in_words(read) == (
        "The model is right about 97.6 % of 1,000 reviews of reviewers that it did not learn from. "
        "To take the most frequent class for all of them is right about 94.0 %. The model finds "
        "71 % of the negative ones (71 of 100; 95 % interval 61 % to 79 %)."
    )


def test_a_model_that_learned_from_generated_texts_only_is_marked(reader):
    rows = [EVALUATION[0] | {"only_generated": True}]

    text = sentiment_in_words(reader(sentiment_evaluation=rows, sentiment_confusion=[]))

    assert text == (
        "The model is right about 97.6 % of 1,000 reviews of reviewers that it did not learn from. "
        f"{ONLY_GENERATED}"
    )


def test_a_model_without_an_evaluation_has_no_figures(reader):
    assert sentiment_in_words(reader(sentiment_evaluation=[], sentiment_confusion=[])) == ""


def ranked(method, value, margin=0.01, figure="ndcg@10", split="temporal", group="all"):
    return {
        "split": split,
        "method": method,
        "group": group,
        "figure": figure,
        "value": value,
        "low": value - margin,
        "high": value + margin,
    }


def behind(method, value, **values):
    return ranked(method, value, figure="ndcg@10_behind_hybrid", **values)


def test_the_method_in_use_is_compared_with_the_best_other_one(reader):
    rows = [
        ranked("hybrid", 0.4, split="leave-last-out"),
        ranked("bm25", 0.3, split="leave-last-out"),
        ranked("hybrid", 0.14),
        ranked("bm25", 0.1),
        ranked("ease", 0.12),
        ranked("ease", 0.9, group="warm"),
        behind("ease", 0.02),
        behind("bm25", 0.04),
    ]

    assert recommender_in_words(reader(recommender_evaluation=rows)) == (
        "The recommendations are those of the method hybrid. Temporal split: NDCG@10 of 0.140 "
        "(95 % interval 0.130 to 0.150), and of 0.120 by ease, the best other method; hybrid is "
        "better by 0.020 (95 % interval 0.010 to 0.030). Leave-last-out split: NDCG@10 of 0.400 "
        "(95 % interval 0.390 to 0.410), and of 0.300 by bm25, the best other method."
    )


@pytest.mark.parametrize(
    ("difference", "margin", "expected"),
    [
        (-0.02, 0.01, "; hybrid is worse by 0.020 (95 % interval 0.010 to 0.030)."),
        (0.02, 0.03, "; chance alone can explain the difference."),
        (-0.02, 0.03, "; chance alone can explain the difference."),
    ],
)
def test_the_method_in_use_may_be_worse_or_equal(reader, difference, margin, expected):
    rows = [ranked("hybrid", 0.1), ranked("ease", 0.12), behind("ease", difference, margin=margin)]

    assert recommender_in_words(reader(recommender_evaluation=rows)).endswith(expected)


def test_a_method_without_others_is_named(reader):
    text = "The recommendations are those of the method hybrid."

    assert recommender_in_words(reader(recommender_evaluation=[])) == text
    assert recommender_in_words(reader(recommender_evaluation=[ranked("hybrid", 0.1)])) == text
