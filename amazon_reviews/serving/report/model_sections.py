"""Sections of the report on what the models say, and on how well they do."""

from collections.abc import Mapping
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.models.recommender.names import SplitName
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.charts import recommender as recommender_charts
from amazon_reviews.serving.charts import sentiment as charts
from amazon_reviews.serving.findings.models import (
    BINARY,
    FIGURE,
    recommender_in_words,
    sentiment_in_words,
)
from amazon_reviews.serving.queries import recommender, sentiment
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.query import query
from amazon_reviews.serving.report.layout import Panel, Section


@query(*recommender.methods.tables)
def _methods_of(warehouse: Warehouse, split: str) -> pa.Table:
    rows = recommender.methods(warehouse, FIGURE)
    return rows.filter(pc.equal(rows["split"], split))


_HELD_OUT: Mapping[SplitName, str] = {
    "temporal": "the latest fifth of all ratings",
    "leave-last-out": "the last rating of each customer",
}

TEXTS = Section(
    "Sentiment of the texts",
    (
        Panel(
            sentiment.categories,
            partial(charts.shares, name="main_category", title="Sentiment of the texts"),
            (Filters(),),
            note=(
                "Predicted from the words of the reviews, by a model that learned from other "
                "reviewers."
            ),
        ),
        Panel(
            sentiment.brands,
            partial(
                charts.shares, name="brand", title="Brands with the largest share of negative texts"
            ),
            note="Ordered by the lower ends of the 95 % intervals of the shares.",
        ),
        Panel(sentiment.years, charts.years),
        Panel(sentiment.confusion, charts.confusion, (BINARY,)),
        Panel(sentiment.calibration, charts.calibration),
    ),
    text=sentiment_in_words,
    tabs=("sentiment/Categories", "sentiment/Brands & products"),
)
RECOMMENDATIONS = Section(
    "Recommendations",
    tuple(
        Panel(
            _methods_of,
            partial(
                recommender_charts.methods,
                figure=FIGURE,
                title=f"{FIGURE.upper()} of the methods, {split} split",
            ),
            (split,),
            note=f"Evaluated on {held_out}; with 95 % intervals.",
        )
        for split, held_out in _HELD_OUT.items()
    ),
    text=recommender_in_words,
)
