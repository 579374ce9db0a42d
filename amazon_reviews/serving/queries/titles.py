"""Questions about streaming titles, their ratings and who plays in them."""

from dataclasses import dataclass

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.queries.query import keys_from, mart, reads, rows

TYPES = ("movie", "tv show")
DURATION_TYPES = ("min", "season")
PAGE_ROWS = 50

_FILLED = (
    "director",
    "actors",
    "country",
    "date_added",
    "rating",
    "duration_int",
    "description",
    "mean_rating",
)
_BAND_MINUTES = 10


@dataclass(frozen=True)
class TitleFilters:
    """Which titles to look at; None leaves a column unfiltered."""

    platform: str | None = None
    year: int | None = None
    type: str | None = None
    duration_type: str | None = None

    def where(self, alias: str) -> tuple[str, tuple[object, ...]]:
        """The condition as SQL with ``?`` marks, and its parameters."""
        values = {
            "platform": self.platform,
            "release_year": self.year,
            "type": self.type,
            "duration_type": self.duration_type,
        }
        given = {name: value for name, value in values.items() if value is not None}
        condition = " AND ".join(f"{alias}.{name} = ?" for name in given) or "TRUE"
        return condition, tuple(given.values())


@reads("gold/titles")
def longest(warehouse: Warehouse, filters: TitleFilters, limit: int = 1) -> pa.Table:
    """The titles of longest duration, those of equal length by title and id."""
    condition, values = filters.where("m")
    where = (f"{condition} AND m.duration_int IS NOT NULL", values)
    return mart(warehouse, "gold/titles", "m.duration_int DESC, m.title, m.id", where, limit)


@reads("gold/titles")
def score_count(warehouse: Warehouse, filters: TitleFilters, above: float) -> pa.Table:
    """One row: titles whose mean rating is above a value, and those that are rated at all."""
    condition, values = filters.where("t")
    return rows(
        warehouse,
        "SELECT COALESCE(SUM(CASE WHEN t.mean_rating > ? THEN 1 END), 0) AS titles, "
        f"COUNT(t.mean_rating) AS rated FROM {warehouse.relation('gold/titles')} AS t "
        f"WHERE {condition}",
        (above, *values),
    )


@reads("gold/titles")
def count(warehouse: Warehouse, filters: TitleFilters) -> pa.Table:
    """One row: titles."""
    condition, values = filters.where("t")
    relation = warehouse.relation("gold/titles")
    sql = f"SELECT COUNT(*) AS titles FROM {relation} AS t WHERE {condition}"
    return rows(warehouse, sql, values)


@reads("gold/title_actors")
def top_actors(warehouse: Warehouse, filters: TitleFilters, limit: int = 1) -> pa.Table:
    """The actors who appear in most titles, those of equal number by name; no duration filter."""
    condition, values = filters.where("a")
    return rows(
        warehouse,
        "SELECT a.actor, COUNT(*) AS titles "
        f"FROM {warehouse.relation('gold/title_actors')} AS a WHERE {condition} "
        "GROUP BY a.actor ORDER BY titles DESC, a.actor",
        values,
        limit,
    )


@reads("gold/titles")
def titles_from(warehouse: Warehouse, first: str, before: str | None, limit: int) -> pa.Table:
    """The rows of the titles from one id on, before another, in their order."""
    return mart(warehouse, "gold/titles", "m.id", keys_from("m.id", first, before), limit)


@reads("gold/titles")
def search(
    warehouse: Warehouse, text: str, filters: TitleFilters, limit: int = PAGE_ROWS
) -> pa.Table:
    """One row per title whose name or id contains the text, most ratings first."""
    condition, values = filters.where("m")
    found = "STRPOS(m.title, LOWER(?)) > 0 OR m.id = LOWER(?)"
    where = (f"{condition} AND ({found})", (*values, text, text))
    return mart(warehouse, "gold/titles", "m.ratings DESC, m.title, m.id", where, limit)


@reads("gold/titles")
def totals(warehouse: Warehouse) -> pa.Table:
    """One row: titles, movies, shows, rated titles, ratings and their mean."""
    return rows(
        warehouse,
        "SELECT COUNT(*) AS titles, COALESCE(SUM(CASE t.type WHEN 'movie' THEN 1 END), 0) AS "
        "movies, COALESCE(SUM(CASE t.type WHEN 'tv show' THEN 1 END), 0) AS shows, "
        "COUNT(t.mean_rating) AS rated, COALESCE(SUM(t.ratings), 0) AS ratings, "
        "SUM(t.mean_rating * t.ratings) / NULLIF(SUM(t.ratings), 0) AS mean_rating "
        f"FROM {warehouse.relation('gold/titles')} AS t",
    )


@reads("gold/titles")
def missing(warehouse: Warehouse) -> pa.Table:
    """One row per platform and column of the source: titles, and those without a value in it."""
    relation = warehouse.relation("gold/titles")
    parts = (
        f"SELECT t.platform, '{column}' AS source_column, COUNT(*) AS titles, "
        f"COALESCE(SUM(CASE WHEN {_is_missing(column)} THEN 1 END), 0) AS missing "
        f"FROM {relation} AS t GROUP BY t.platform"
        for column in _FILLED
    )
    return rows(warehouse, f"{' UNION ALL '.join(parts)} ORDER BY 2, 1")


def _is_missing(column: str) -> str:
    if column == "actors":
        # BigQuery's arrays are never null.
        return "t.actors IS NULL OR ARRAY_LENGTH(t.actors) = 0"
    return "t.rating_imputed" if column == "rating" else f"t.{column} IS NULL"


@reads("gold/titles")
def by_type(warehouse: Warehouse) -> pa.Table:
    """One row per platform and type: titles."""
    return _counted(warehouse, "t.type AS type")


@reads("gold/titles")
def by_year(warehouse: Warehouse) -> pa.Table:
    """One row per platform and year of release: titles."""
    return _counted(warehouse, "t.release_year AS year")


@reads("gold/titles")
def by_year_added(warehouse: Warehouse) -> pa.Table:
    """One row per platform and year in which it added titles: titles; those with a date."""
    return _counted(warehouse, "EXTRACT(YEAR FROM t.date_added) AS year")


@reads("gold/titles")
def by_minutes(warehouse: Warehouse) -> pa.Table:
    """One row per platform and band of ten minutes, that begins with `minutes`: titles."""
    band = f"CAST(FLOOR(t.duration_int / {_BAND_MINUTES}) AS INT64) * {_BAND_MINUTES} AS minutes"
    return _counted(warehouse, band, "t.duration_type = 'min'")


@reads("gold/titles")
def by_seasons(warehouse: Warehouse) -> pa.Table:
    """One row per platform and number of seasons: titles."""
    return _counted(warehouse, "t.duration_int AS seasons", "t.duration_type = 'season'")


@reads("gold/titles")
def by_maturity(warehouse: Warehouse) -> pa.Table:
    """One row per platform and maturity rating: titles; g where the source has none."""
    return _counted(warehouse, "t.rating AS rating")


@reads("gold/titles")
def by_score(warehouse: Warehouse) -> pa.Table:
    """One row per platform and mean rating to one decimal: titles."""
    return _counted(warehouse, "t.mean_rating_rounded AS score")


@reads("gold/titles")
def by_platform(warehouse: Warehouse) -> pa.Table:
    """One row per platform: titles, rated ones, ratings, and the mean over all ratings."""
    return rows(
        warehouse,
        "SELECT t.platform, COUNT(*) AS titles, COUNT(t.mean_rating) AS rated, "
        "SUM(t.ratings) AS ratings, "
        "SUM(t.mean_rating * t.ratings) / NULLIF(SUM(t.ratings), 0) AS mean_rating "
        f"FROM {warehouse.relation('gold/titles')} AS t GROUP BY t.platform ORDER BY t.platform",
    )


@reads("gold/title_ratings_model")
def prediction_errors(warehouse: Warehouse) -> pa.Table:
    """One row per predictor of ratings and way of measuring it: its errors in stars."""
    return rows(
        warehouse,
        "SELECT m.measured, m.share, m.predictor, m.factors, m.regularization, m.rmse, "
        "m.rmse_deviation, m.mae, m.ratings "
        f"FROM {warehouse.relation('gold/title_ratings_model')} AS m "
        "ORDER BY m.measured, m.share, m.rmse",
    )


def _counted(warehouse: Warehouse, by: str, where: str = "TRUE") -> pa.Table:
    """Titles per platform and what they are counted `by`, an expression with its name."""
    name = by.rpartition(" ")[2]
    counts = rows(
        warehouse,
        f"SELECT t.platform, {by}, COUNT(*) AS titles "
        f"FROM {warehouse.relation('gold/titles')} AS t WHERE {where} "
        f"GROUP BY 1, 2 ORDER BY 2, 1",
    )
    return counts.filter(counts[name].is_valid())
