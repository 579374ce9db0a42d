"""The outputs that are no tables: models, reports and exported files, declared once."""

from dataclasses import dataclass
from pathlib import Path

from amazon_reviews.models.loading import SENTIMENT, TITLE_RATINGS, recommender_name
from amazon_reviews.models.recommender.names import METHOD_NAMES
from amazon_reviews.schemas import MART_TABLES
from amazon_reviews.schemas import recommender as recommender_tables
from amazon_reviews.schemas import sentiment as sentiment_tables
from amazon_reviews.schemas.table import Domain
from amazon_reviews.schemas.titles import GOLD_TITLE_RATINGS_MODEL, GOLD_TITLES


@dataclass(frozen=True)
class Artifact:
    """An output that is no table.

    `key` is the key of its asset, `inputs` are those of what it is built from, `kinds` its kinds in
    the Dagster UI, `domain` its subject. `checks` are the blocking checks that its build
    evaluates. `pii` describes the personal data in it, empty without any.
    """

    key: str
    inputs: tuple[str, ...]
    group: str
    kinds: frozenset[str]
    domain: Domain
    description: str
    code_version: str = "1"
    checks: tuple[str, ...] = ()
    pii: str = ""


MODEL_SENTIMENT = Artifact(
    f"model/{SENTIMENT}",
    inputs=(sentiment_tables.SENTIMENT_EXAMPLES.key,),
    group="sentiment",
    kinds=frozenset({"scikit-learn", "mlflow"}),
    domain="sentiment",
    description="One model: the stars of a review from its words and pairs of words.\n\n"
    "It is registered in the model store, and replaces the current model if it is better "
    "on the held-out users. Without enough reviews no model is trained.",
    code_version="3",
    checks=("not_worse",),
    pii="groups of the reviewers that it learned from, by a hash of their ids",
)
MODEL_TITLE_RATINGS = Artifact(
    f"model/{TITLE_RATINGS}",
    inputs=(GOLD_TITLE_RATINGS_MODEL.key,),
    group="titles",
    kinds=frozenset({"mlflow"}),
    domain="titles",
    description="One model: biases and factors of users and titles, from all ratings.",
    pii="ids and ratings of the users",
)
# The other three matrices are made with this one, and are above the evaluation: naming them for
# each model too would hide the lineage behind its lines.
RECOMMENDER_MODELS = {
    method: Artifact(
        f"model/{recommender_name(method)}",
        inputs=(
            recommender_tables.RECOMMENDER_RATINGS.key,
            recommender_tables.RECOMMENDER_EVALUATION.key,
        ),
        group="recommender",
        kinds=frozenset({"mlflow"}),
        domain="recommender",
        description=f"One model: the recommender {method}, trained on all ratings.",
        code_version="2",
        pii="ids and ratings of the reviewers",
    )
    for method in METHOD_NAMES
}
"""The recommenders by method."""

EXPORT_TITLES = Artifact(
    "export/titles",
    inputs=(GOLD_TITLES.key,),
    group="titles",
    kinds=frozenset({"parquet"}),
    domain="titles",
    description="One Parquet file with the rows of gold/titles.",
    pii="`rescued` of gold/titles",
)
REPORT_REVIEWS = Artifact(
    "report/reviews",
    inputs=tuple(
        f"warehouse/{table.name}"
        for table in (
            *MART_TABLES,
            sentiment_tables.SENTIMENT_CATEGORIES,
            sentiment_tables.SENTIMENT_BRANDS,
            sentiment_tables.SENTIMENT_YEARS,
            sentiment_tables.SENTIMENT_EVALUATION,
            sentiment_tables.SENTIMENT_CONFUSION,
            sentiment_tables.SENTIMENT_CALIBRATION,
            recommender_tables.RECOMMENDER_EVALUATION,
        )
    ),
    group="reports",
    kinds=frozenset({"html"}),
    domain="reviews",
    description="One page with the findings, the charts of all marts and figures of the models.",
    code_version="2",
    pii="the summaries and names that are used most",
)
REPORT_RECOMMENDER = Artifact(
    "report/recommender",
    inputs=(f"warehouse/{recommender_tables.RECOMMENDER_EVALUATION.name}",),
    group="reports",
    kinds=frozenset({"markdown"}),
    domain="recommender",
    description="One page with the figures of all recommenders on every split.",
)
REPORT_TITLES = Artifact(
    "report/titles",
    inputs=("warehouse/titles",),
    group="reports",
    kinds=frozenset({"html"}),
    domain="titles",
    description="One page about the titles: missing values and distributions.",
)
MODELS = (MODEL_SENTIMENT, MODEL_TITLE_RATINGS, *RECOMMENDER_MODELS.values())
"""All models."""

FILES = (EXPORT_TITLES, REPORT_REVIEWS, REPORT_RECOMMENDER, REPORT_TITLES)
"""All reports and exported files."""


def file_paths(report: Path, titles: Path) -> dict[str, Path]:
    """Return the paths of `FILES` by key: `report` is the report, `titles` a folder."""
    return {
        REPORT_REVIEWS.key: report,
        REPORT_RECOMMENDER.key: report.with_name("recommender.md"),
        EXPORT_TITLES.key: titles / "titles.parquet",
        REPORT_TITLES.key: titles / "report.html",
    }
