"""Prediction of title ratings: parameter search, evaluation, and the model in the store."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import product
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.errors import NoRatingsError
from amazon_reviews.models.loading import FEWEST_TITLE_RATINGS, TITLE_RATINGS
from amazon_reviews.models.recommender.accuracy import (
    SHARES,
    CrossValidation,
    GlobalMean,
    Predictor,
    held_out,
    sample_users,
    validate,
)
from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.interactions import MISSING_TIME, Interactions, short_enough
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.pipeline.recommender.publish import Trained, parameters_of, publish
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews.schemas.built import WHOLE
from amazon_reviews.schemas.titles import (
    GOLD_TITLE_RATINGS_MODEL,
    GOLD_TITLES,
    SILVER_TITLE_RATINGS,
)

_FOLDS = 5
_DIGITS = 6
_VALIDATED = "cross-validation"


class Candidate(NamedTuple):
    """A predictor of ratings: its name, and the parameters of its factors, if it has factors."""

    predictor: str
    factors: int | None = None
    regularization: float | None = None

    def new_predictor(self) -> Predictor:
        """Return a new predictor that is not fitted."""
        if self.factors is None:
            return GlobalMean()
        if self.regularization is None:
            return BiasedFactors(self.factors)
        return BiasedFactors(self.factors, self.regularization)


MEAN, BIASES = Candidate("global mean"), Candidate("biases", 0)
GRID = (
    BIASES,
    *(Candidate("factors", f, ridge) for f, ridge in product((8, 16), (2.0, 4.0, 8.0, 16.0))),
)
"""Candidates of the parameter search."""


def evaluate(lakehouse: Lakehouse, most_ratings: int) -> pa.Table:
    """Rebuild gold/title_ratings_model: search the parameters, and predict held-out ratings.

    If there are more than `most_ratings`, a random sample of users is used. Returns the table.

    Raises:
        NoRatingsError: there are no ratings, or too few; the table is unchanged.
    """
    lakehouse.ensure(GOLD_TITLE_RATINGS_MODEL.key)
    inputs = lakehouse.input_versions(GOLD_TITLE_RATINGS_MODEL.key)
    ratings = sample_users(_read_enough(lakehouse), most_ratings)
    table = pa.Table.from_pylist(_evaluation_rows(ratings), GOLD_TITLE_RATINGS_MODEL.arrow_schema)
    lakehouse.write(table, GOLD_TITLE_RATINGS_MODEL.key, replacing=ALL_ROWS, built={WHOLE: inputs})
    return table


def train(lakehouse: Lakehouse, store: ModelStore) -> Trained:
    """Learn from all ratings with the best parameters, and make the model current.

    Raises:
        NoRatingsError: there is no evaluation, or too few ratings; the store is unchanged.
        LocationError: the model store cannot be used.
    """
    lakehouse.ensure(GOLD_TITLE_RATINGS_MODEL.key)
    table = lakehouse.delta(GOLD_TITLE_RATINGS_MODEL.key).to_pyarrow_table()
    validated = table.filter(pc.field("measured") == _VALIDATED).to_pylist()
    if not validated:
        raise NoRatingsError("no ratings of titles were evaluated")
    (chosen,) = (row for row in validated if row["chosen"])
    recommender = _candidate(chosen).new_predictor()
    assert isinstance(recommender, BiasedFactors)
    ratings = _read_enough(lakehouse)
    record = Record(
        {
            **parameters_of(recommender),
            "title_ratings_version": lakehouse.delta(SILVER_TITLE_RATINGS.key).version(),
            "ratings": len(ratings),
        },
        {
            "rmse": chosen["rmse"],
            "mae": chosen["mae"],
            **{
                f"rmse_{candidate.predictor.replace(' ', '_')}": row["rmse"]
                for row in validated
                if (candidate := _candidate(row)) in (MEAN, BIASES)
            },
        },
    )
    fitted = recommender.fit(ratings)
    model = RecommenderModel(TITLE_RATINGS, fitted, ratings.user_ids, ratings.item_ids)
    return publish(store, TITLE_RATINGS, model, record)


def _read_enough(lakehouse: Lakehouse) -> Interactions:
    """Return the latest rating of each user for each title; all known titles are items.

    Raises:
        NoRatingsError: there are too few ratings.
    """
    for table in (GOLD_TITLES, SILVER_TITLE_RATINGS):
        lakehouse.ensure(table.key)
    ids = lakehouse.delta(GOLD_TITLES.key).to_pyarrow_table(columns=["id"])["id"]
    titles = ids.filter(short_enough(ids))
    columns = ["user_id", "title_id", "rating", "rated_at"]
    rows = lakehouse.delta(SILVER_TITLE_RATINGS.key).to_pyarrow_table(columns=columns)
    known = rows.filter(
        pc.and_(pc.is_in(rows["title_id"], titles.combine_chunks()), short_enough(rows["user_id"]))
    )
    seconds = pc.divide(known["rated_at"].cast(pa.int64()), 1_000_000)
    ratings = Interactions.from_rows(
        known["user_id"], known["title_id"], known["rating"], seconds.fill_null(MISSING_TIME)
    )
    if len(ratings) < FEWEST_TITLE_RATINGS:
        raise NoRatingsError(f"{len(ratings)} ratings of titles are too few to learn from")
    return ratings.over_items(titles.to_pylist())


def _evaluation_rows(ratings: Interactions) -> list[dict[str, Any]]:
    validated: dict[Candidate, CrossValidation] = {}
    for candidate in (MEAN, *GRID):
        validated[candidate] = validate(ratings, candidate.new_predictor, _FOLDS)
        advance(" ".join(str(part) for part in candidate if part is not None))
    # Rounded, so that the first and simplest of nearly equal candidates wins.
    best = min(GRID, key=lambda candidate: round(validated[candidate].rmse, _DIGITS))
    rows = [
        {**_row(candidate, best), "measured": _VALIDATED, "share": 1 / _FOLDS, **asdict(errors)}
        for candidate, errors in validated.items()
    ]
    for share in SHARES:
        for candidate in dict.fromkeys((MEAN, BIASES, best)):
            errors = held_out(ratings, share, candidate.new_predictor)
            figures = {"share": share, "rmse": errors.rmse, "mae": errors.mae}
            rows.append({**_row(candidate, best), "measured": "held out", **figures})
        advance(f"{share:.0%} held out")
    return [{**row, "ratings": len(ratings)} for row in rows]


def _row(candidate: Candidate, best: Candidate) -> dict[str, Any]:
    return {**candidate._asdict(), "chosen": candidate == best}


def _candidate(row: Mapping[str, Any]) -> Candidate:
    return Candidate(*(row[name] for name in Candidate._fields))
