"""Evaluation of all recommendation methods."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from amazon_reviews.errors import SplitError, UnknownItemsError
from amazon_reviews.models.recommender.evaluation import Evaluation, Evaluator
from amazon_reviews.models.recommender.methods import METHODS, method_named
from amazon_reviews.models.recommender.metrics import difference
from amazon_reviews.models.recommender.names import SplitName
from amazon_reviews.models.recommender.splits import split_named
from amazon_reviews.pipeline.recommender.matrices import read_interactions
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.recommender import RECOMMENDER_EVALUATION

MOST_USERS = 2_000
"""The most users of the evaluation: a random sample, the same for all methods."""

_COMPARED, _REFERENCE = "ndcg@10", "hybrid"


@dataclass(frozen=True)
class Evaluated:
    """The rows of gold/recommender_evaluation, and the reasons of impossible splits by name."""

    rows: pa.Table
    not_split: dict[str, str]


def evaluate_methods(
    lakehouse: Lakehouse, splits: Sequence[SplitName], most_users: int = MOST_USERS
) -> Evaluated:
    """Rebuild gold/recommender_evaluation: all methods on the same splits and users."""
    inputs = lakehouse.input_versions(RECOMMENDER_EVALUATION.key)
    interactions = read_interactions(lakehouse)
    by_split: dict[str, dict[str, Evaluation]] = {}
    not_split: dict[str, str] = {}
    for name in splits:
        try:
            evaluator = Evaluator(split_named(name, interactions), most_users=most_users)
        except (SplitError, UnknownItemsError) as error:
            not_split[name] = str(error)
            continue
        by_split[name] = {}
        for method in METHODS:
            by_split[name][method] = evaluator.evaluate(method_named(method))
            advance(f"{name}: {method}")
    rows = [
        {"split": split, "method": method, **row}
        for split, evaluations in by_split.items()
        for method, evaluation in evaluations.items()
        for row in (*_rows(evaluation), _difference_row(evaluation, evaluations[_REFERENCE]))
    ]
    table = pa.Table.from_pylist(rows, RECOMMENDER_EVALUATION.arrow_schema)
    lakehouse.write(table, RECOMMENDER_EVALUATION.key, replacing=ALL_ROWS, built={WHOLE: inputs})
    return Evaluated(table, not_split)


def _rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """Yield the rows of gold/recommender_evaluation of one split and method."""
    summary = evaluation.summary()
    intervals, groups = summary.pop("intervals"), summary.pop("groups")
    for figure, value in summary.items():
        if value is not None:
            low, high = intervals.get(figure, (None, None))
            yield {"group": "all", "figure": figure, "value": value, "low": low, "high": high}
    for group, figures in groups.items():
        for figure, value in figures.items():
            yield {"group": group, "figure": figure, "value": value}


def _difference_row(evaluation: Evaluation, reference: Evaluation) -> dict[str, Any]:
    """Return the row of the mean difference to the reference, over users."""
    interval = difference(reference.per_user[_COMPARED], evaluation.per_user[_COMPARED])
    values = {"value": interval.mean, "low": interval.low, "high": interval.high}
    return {"group": "all", "figure": f"{_COMPARED}_behind_{_REFERENCE}", **values}
