"""Queries of streaming titles, their ratings and their actors."""

from dataclasses import dataclass

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.queries.query import in_range, mart, query, range_starts, rows

TYPES = ("movie", "tv show")
DURATION_TYPES = ("min", "season")
PAGE_ROWS = 50
# A prime number: see `range_starts`.
_RANGE_ROWS = 199
_LISTED = 20

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
    """The chosen value of each column; None leaves a column unfiltered."""

    platform: str | None = None
    year: int | None = None
    type: str | None = None
    duration_type: str | None = None

    def where(self, alias: str) -> tuple[str, tuple[object, ...]]:
        """Return the condition as SQL with ``?`` placeholders, and its parameters."""
        values = {
            "platform": self.platform,
            "release_year": self.year,
            "type": self.type,
            "duration_type": self.duration_type,
        }
        given = {name: value for name, value in values.items() if value is not None}
        condition = " AND ".join(f"{alias}.{name} = ?" for name in given) or "TRUE"
        return condition, tuple(given.values())


@query("gold/titles")
def longest(warehouse: Warehouse, filters: TitleFilters) -> pa.Table:
    """One row per title of the 20 longest ones; titles of equal length by name and id."""
    condition, values = filters.where("m")
    where = (f"{condition} AND m.duration_int IS NOT NULL", values)
    return mart(warehouse, "gold/titles", "m.duration_int DESC, m.title, m.id", where, _LISTED)


@query("gold/titles")
def score_count(warehouse: Warehouse, filters: TitleFilters, above: float) -> pa.Table:
    """One row: the titles whose mean rating is above a value, and all rated titles."""
    condition, values = filters.where("t")
    return rows(
        warehouse,
        "SELECT COALESCE(SUM(CASE WHEN t.mean_rating > ? THEN 1 END), 0) AS titles, "
        f"COUNT(t.mean_rating) AS rated FROM {warehouse.relation('gold/titles')} AS t "
        f"WHERE {condition}",
        (above, *values),
    )


@query("gold/titles")
def count(warehouse: Warehouse, filters: TitleFilters) -> pa.Table:
    """One row: the number of titles."""
    condition, values = filters.where("t")
    relation = warehouse.relation("gold/titles")
    sql = f"SELECT COUNT(*) AS titles FROM {relation} AS t WHERE {condition}"
    return rows(warehouse, sql, values)


@query("gold/title_actors")
def top_actors(warehouse: Warehouse, filters: TitleFilters) -> pa.Table:
    """One row per actor of the 20 with most titles, ties by name; no filter by duration."""
    condition, values = filters.where("a")
    return rows(
        warehouse,
        "SELECT a.actor, COUNT(*) AS titles "
        f"FROM {warehouse.relation('gold/title_actors')} AS a WHERE {condition} "
        "GROUP BY a.actor ORDER BY titles DESC, a.actor",
        values,
        _LISTED,
    )


@query("gold/titles")
def title_range_starts(warehouse: Warehouse) -> pa.Table:
    """Ids that divide the titles into ranges."""
    return range_starts(warehouse, "gold/titles", "id", _RANGE_ROWS)


@query("gold/titles")
def titles_in_range(warehouse: Warehouse, start: str, end: str | None) -> pa.Table:
    """One row per title whose id is in a range, in the order of the ids."""
    return mart(warehouse, "gold/titles", "m.id", in_range("m.id", start, end))


@query("gold/titles")
def search(warehouse: Warehouse, text: str, filters: TitleFilters, limit: int) -> pa.Table:
    """One row per title whose name or id contains the text, most ratings first."""
    condition, values = filters.where("m")
    matches = "STRPOS(m.title, LOWER(?)) > 0 OR m.id = LOWER(?)"
    where = (f"{condition} AND ({matches})", (*values, text, text))
    return mart(warehouse, "gold/titles", "m.ratings DESC, m.title, m.id", where, limit)


@query("gold/titles")
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


@query("gold/titles")
def missing(warehouse: Warehouse) -> pa.Table:
    """One row per platform and column of the source: titles, and titles without a value."""
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


@query("gold/titles")
def by_type(warehouse: Warehouse) -> pa.Table:
    """One row per platform and type: titles."""
    return _titles_by(warehouse, "t.type AS type")


@query("gold/titles")
def by_year(warehouse: Warehouse) -> pa.Table:
    """One row per platform and year of release: titles."""
    return _titles_by(warehouse, "t.release_year AS year")


@query("gold/titles")
def by_year_added(warehouse: Warehouse) -> pa.Table:
    """One row per platform and year in which it added titles: titles with a date."""
    return _titles_by(warehouse, "EXTRACT(YEAR FROM t.date_added) AS year")


@query("gold/titles")
def by_minutes(warehouse: Warehouse) -> pa.Table:
    """One row per platform and band of ten minutes, which begins at `minutes`: titles."""
    band = f"CAST(FLOOR(t.duration_int / {_BAND_MINUTES}) AS INT64) * {_BAND_MINUTES} AS minutes"
    return _titles_by(warehouse, band, "t.duration_type = 'min'")


@query("gold/titles")
def by_seasons(warehouse: Warehouse) -> pa.Table:
    """One row per platform and number of seasons: titles."""
    return _titles_by(warehouse, "t.duration_int AS seasons", "t.duration_type = 'season'")


@query("gold/titles")
def by_maturity(warehouse: Warehouse) -> pa.Table:
    """One row per platform and maturity rating: titles; g if the source has no rating."""
    return _titles_by(warehouse, "t.rating AS rating")


@query("gold/titles")
def by_score(warehouse: Warehouse) -> pa.Table:
    """One row per platform and mean rating to one decimal: titles."""
    return _titles_by(warehouse, "t.mean_rating_rounded AS score")


@query("gold/titles")
def by_platform(warehouse: Warehouse) -> pa.Table:
    """One row per platform: titles, rated titles, ratings, and the mean over all ratings."""
    return rows(
        warehouse,
        "SELECT t.platform, COUNT(*) AS titles, COUNT(t.mean_rating) AS rated, "
        "SUM(t.ratings) AS ratings, "
        "SUM(t.mean_rating * t.ratings) / NULLIF(SUM(t.ratings), 0) AS mean_rating "
        f"FROM {warehouse.relation('gold/titles')} AS t GROUP BY t.platform ORDER BY t.platform",
    )


@query("gold/title_ratings_model")
def prediction_errors(warehouse: Warehouse) -> pa.Table:
    """One row per predictor of ratings and way of evaluating it: its errors in stars."""
    return rows(
        warehouse,
        "SELECT m.measured, m.share, m.predictor, m.factors, m.regularization, m.rmse, "
        "m.rmse_deviation, m.mae, m.ratings "
        f"FROM {warehouse.relation('gold/title_ratings_model')} AS m "
        "ORDER BY m.measured, m.share, m.rmse",
    )


def _titles_by(warehouse: Warehouse, by: str, where: str = "TRUE") -> pa.Table:
    """Return the titles per platform and value of `by`, an expression with its name."""
    name = by.rpartition(" ")[2]
    counts = rows(
        warehouse,
        f"SELECT t.platform, {by}, COUNT(*) AS titles "
        f"FROM {warehouse.relation('gold/titles')} AS t WHERE {where} "
        f"GROUP BY 1, 2 ORDER BY 2, 1",
    )
    return counts.filter(counts[name].is_valid())
