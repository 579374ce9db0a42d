"""A predictor of the ratings of titles: how good it is, and the model in the store."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import product
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.errors import NoRatingsError
from amazon_reviews.models.minimums import FEWEST_TITLE_RATINGS
from amazon_reviews.models.recommender.accuracy import (
    SHARES,
    GlobalMean,
    Predictor,
    Validated,
    held_out,
    of_some_users,
    validate,
)
from amazon_reviews.models.recommender.biases import BiasedFactors
from amazon_reviews.models.recommender.interactions import NO_TIME, Interactions, short_enough
from amazon_reviews.models.recommender.storage import RecommenderModel
from amazon_reviews.pipeline.recommender.train import Trained, parameters_of, put_in_use
from amazon_reviews.progress import advance
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS, Lakehouse
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews.schemas.titles import (
    GOLD_TITLE_RATINGS_MODEL,
    GOLD_TITLES,
    SILVER_TITLE_RATINGS,
)

MODEL = "title_ratings"
"""The name of the model in the model store."""

_FOLDS = 5
_DIGITS = 6
_VALIDATED = "cross-validation"


class Candidate(NamedTuple):
    """A way to predict ratings: its name, and the parameters of the factors where it has some."""

    predictor: str
    factors: int | None = None
    regularization: float | None = None

    def made(self) -> Predictor:
        """The predictor, which has not learned yet."""
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
"""What the best is taken of."""


def measure(lakehouse: Lakehouse, most_ratings: int) -> pa.Table:
    """Make gold/title_ratings_model: search the parameters, and predict what is held out.

    Where there are more than `most_ratings`, it is done on those of a random sample of users.
    Gives the table.

    Raises:
        NoRatingsError: no ratings, or too few; the table keeps what it has.
    """
    lakehouse.ensure(GOLD_TITLE_RATINGS_MODEL.key)
    ratings = of_some_users(_enough(_read(lakehouse)), most_ratings)
    table = pa.Table.from_pylist(_measured(ratings), GOLD_TITLE_RATINGS_MODEL.arrow_schema)
    lakehouse.write(table, GOLD_TITLE_RATINGS_MODEL.key, replacing=ALL_ROWS)
    return table


def train(lakehouse: Lakehouse, store: ModelStore) -> Trained:
    """Learn from all ratings with the parameters that were chosen, and put the model in use.

    Raises:
        NoRatingsError: nothing was measured, or too few are left; the store is as it was.
        LocationError: the model store cannot be used.
    """
    lakehouse.ensure(GOLD_TITLE_RATINGS_MODEL.key)
    table = lakehouse.delta(GOLD_TITLE_RATINGS_MODEL.key).to_pyarrow_table()
    validated = table.filter(pc.field("measured") == _VALIDATED).to_pylist()
    if not validated:
        raise NoRatingsError("no ratings of titles were measured")
    (chosen,) = (row for row in validated if row["chosen"])
    recommender = _candidate(chosen).made()
    assert isinstance(recommender, BiasedFactors)
    ratings = _enough(_read(lakehouse))
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
    model = RecommenderModel(MODEL, recommender.fit(ratings), ratings.user_ids, ratings.item_ids)
    return put_in_use(store, MODEL, model, record)


def _read(lakehouse: Lakehouse) -> Interactions:
    """The latest rating of each user for each title, over all titles that there are."""
    for table in (GOLD_TITLES, SILVER_TITLE_RATINGS):
        lakehouse.ensure(table.key)
    every = lakehouse.delta(GOLD_TITLES.key).to_pyarrow_table(columns=["id"])["id"]
    titles = every.filter(short_enough(every))
    columns = ["user_id", "title_id", "rating", "rated_at"]
    rows = lakehouse.delta(SILVER_TITLE_RATINGS.key).to_pyarrow_table(columns=columns)
    known = rows.filter(
        pc.and_(pc.is_in(rows["title_id"], titles.combine_chunks()), short_enough(rows["user_id"]))
    )
    seconds = pc.divide(known["rated_at"].cast(pa.int64()), 1_000_000)
    found = Interactions.from_rows(
        known["user_id"], known["title_id"], known["rating"], seconds.fill_null(NO_TIME)
    )
    return found.over_items(titles.to_pylist())


def _enough(ratings: Interactions) -> Interactions:
    if len(ratings) < FEWEST_TITLE_RATINGS:
        raise NoRatingsError(f"{len(ratings)} ratings of titles are too few to learn from")
    return ratings


def _measured(ratings: Interactions) -> list[dict[str, Any]]:
    validated: dict[Candidate, Validated] = {}
    for candidate in (MEAN, *GRID):
        validated[candidate] = validate(ratings, candidate.made, _FOLDS)
        advance(" ".join(str(part) for part in candidate if part is not None))
    # The first, which is the simpler one, of those that differ by rounding only.
    best = min(GRID, key=lambda candidate: round(validated[candidate].rmse, _DIGITS))
    rows = [
        {**_row(candidate, best), "measured": _VALIDATED, "share": 1 / _FOLDS, **asdict(errors)}
        for candidate, errors in validated.items()
    ]
    for share in SHARES:
        for candidate in dict.fromkeys((MEAN, BIASES, best)):
            errors = held_out(ratings, share, candidate.made)
            figures = {"share": share, "rmse": errors.rmse, "mae": errors.mae}
            rows.append({**_row(candidate, best), "measured": "held out", **figures})
        advance(f"{share:.0%} held out")
    return [{**row, "ratings": len(ratings)} for row in rows]


def _row(candidate: Candidate, best: Candidate) -> dict[str, Any]:
    return {**candidate._asdict(), "chosen": candidate == best}


def _candidate(row: Mapping[str, Any]) -> Candidate:
    return Candidate(*(row[name] for name in Candidate._fields))
