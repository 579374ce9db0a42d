"""A small warehouse with consistent marts, built without the engine.

It has seeded reviews of a few products, and every mart that the dashboard reads. Most marts are SQL
over the reviews; those that need statistics have fixed rows. Some texts are hostile.
"""

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from amazon_reviews.models.recommender.hybrid import Hybrid
from amazon_reviews.models.recommender.interactions import MISSING_TIME, Interactions
from amazon_reviews.models.recommender.model import RecommenderModel
from amazon_reviews.resources.warehouse.base import TableVersion
from amazon_reviews.resources.warehouse.duckdb.warehouse import DuckDBWarehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.serving import synthetic_titles
from amazon_reviews_tests.serving.marts_sql import MARTS

HOSTILE_TITLE = "<img src=x onerror=document.title='owned'> 100% [click](http://evil.example) mug"
HOSTILE_TEXT = (
    "<script>document.title='owned'</script> ![x](http://evil.example/a.png) **bold** "
    "[link](http://evil.example) :red[red] $x^2$ http://evil.example/auto " + "wide" * 80
)
RARE_NAME = "Wilhelmina Testfield"
FORMULA = '=HYPERLINK("http://evil.example")'
CATEGORIES = ("Books", "Electronics", "Home & Kitchen", "Toys & Games")
BRANDS = ("Acme", "Bolt", "Crane", FORMULA)
INSTANT = datetime(2018, 10, 2, 12, tzinfo=UTC)


def reviews(seed: int = 7, count: int = 900) -> list[dict[str, Any]]:
    """Return seeded rows of gold/reviews; those of product P000 are hostile."""
    draw = random.Random(seed)
    return [_review(draw, number) for number in range(count)]


def _review(draw: random.Random, number: int) -> dict[str, Any]:
    product = min(int(draw.expovariate(0.12)), 39)
    stars = draw.choices([None, 1, 2, 3, 4, 5], [1, 5, 4, 6, 14, 30])[0]
    day = draw.choice(
        [None, *(date(draw.randint(2012, 2018), draw.randint(1, 12), 5) for _ in range(40))]
    )
    words = draw.randint(1, 250)
    return {
        "review_id": f"{number:032x}",
        "reviewer_id": f"A{draw.randint(0, 120):03}",
        "overall": None if stars is None else Decimal(stars),
        "unrated": stars is None,
        "sentiment": stars
        and ("negative" if stars < 3 else "neutral" if stars == 3 else "positive"),
        "review_text": HOSTILE_TEXT if product == 0 else f"Review number {number}.",
        "summary": draw.choice(["Five Stars", "Great", "Not good", FORMULA]),
        "reviewer_name": (draw.choice(["Kim", "Amazon Customer", "<b>Lee</b>"]), RARE_NAME)[
            number == 0
        ],
        "verified": draw.random() < 0.7,
        "vote": draw.choice([None, None, None, 2, 11]),
        "reviewed_on": day,
        "year": day and day.year,
        "month": day and day.month,
        "word_count": words,
        "char_count": words * 5,
        "source": "stream" if number % 10 == 0 else "batch",
        "partition": "stream" if number % 10 == 0 else f"partition_{number % 3 + 1}",
        "profile": ("amazon_2023", "marc")[number % 2],
        "language": (None, "de", "en")[number % 3],
        "marketplace": ("DE", "US")[number % 5 > 1],
        "vine": number % 7 == 0,
        **_product(product),
        # A product has reviews of its own asin and of a variant.
        "asin": f"P{product:03}" + ("V" if number % 4 == 3 else ""),
        "product_asin": f"P{product:03}",
    }


def _product(number: int) -> dict[str, Any]:
    priced = number % 4 > 0
    return {
        "asin": f"P{number:03}",
        "title": HOSTILE_TITLE if number == 0 else f"Product {number}",
        "brand": BRANDS[number % 4],
        "main_category": CATEGORIES[number // 2 % 4],
        "categories": [CATEGORIES[number // 2 % 4], f"Shelf {number % 5}"],
        "price": Decimal(number * 3 + 1),
        "price_min": Decimal(number * 3 + 1) if priced else None,
        "price_max": Decimal(number * 3 + 1) if priced else None,
        "price_imputed": not priced,
    }


def _ratings(number: int) -> dict[str, Any]:
    """Return the ratings at the source, which two of three products have."""
    return {"average_rating": 3.5, "rating_number": number * 100} if number % 3 else {}


def tables(seed: int = 7, count: int = 900) -> dict[str, pa.Table]:
    """Return the tables of the warehouse by name, in the declared schemas."""
    connection = duckdb.connect()
    review_table = pa.Table.from_pylist(reviews(seed, count), TABLES["gold/reviews"].arrow_schema)
    products = [{**_product(n), "image_count": n % 4, **_ratings(n)} for n in range(45)]
    product_table = pa.Table.from_pylist(products, TABLES["gold/products"].arrow_schema)
    connection.register("gold_reviews", review_table)
    connection.sql(
        "CREATE VIEW reviews AS SELECT * REPLACE (product_asin AS asin), asin AS variant "
        "FROM gold_reviews"
    )
    connection.register("products", product_table)
    by_name = {
        "gold/reviews": review_table,
        "gold/products": product_table,
        **_fixed_marts(),
        **synthetic_titles.tables(),
    }
    for name, sql in MARTS.items():
        by_name[name] = _conforming(name, connection.sql(sql).to_arrow_table())
        connection.register(name.removeprefix("gold/"), by_name[name])
    return by_name


def recommender() -> RecommenderModel:
    """Return a hybrid that is trained on the rated reviews."""
    rated = [row for row in reviews() if row["overall"] is not None]
    interactions = Interactions.from_rows(
        [row["reviewer_id"] for row in rated],
        [row["product_asin"] for row in rated],
        [float(row["overall"]) for row in rated],
        [MISSING_TIME] * len(rated),
    )
    return RecommenderModel(
        "hybrid", Hybrid().fit(interactions), interactions.user_ids, interactions.item_ids
    )


def _conforming(name: str, table: pa.Table) -> pa.Table:
    schema = TABLES[name].arrow_schema
    return table.select(schema.names).cast(schema)


def write_warehouse(folder: Path, tables_by_name: dict[str, pa.Table]) -> str:
    """Commit the tables to Delta under a folder and load them; return the warehouse's URL."""
    versions = []
    for name, table in tables_by_name.items():
        uri = str(folder / "lake" / name)
        write_deltalake(uri, table, mode="overwrite", schema_mode="overwrite")
        declared = TABLES[name]
        merged = {column.name: (column.type, sql) for column, sql in declared.merged}
        version = DeltaTable(uri).version()
        versions.append(
            TableVersion(name, uri, version, merged_by=declared.merged_by, merged=merged)
        )
    file = folder / "warehouse.duckdb"
    DuckDBWarehouse(file).load(versions)
    return f"duckdb:///{file}"


def _fixed_marts() -> dict[str, pa.Table]:
    """Return the marts that have fixed rows."""
    day = INSTANT.date()
    going_on = ("P000", HOSTILE_TITLE, "Acme", "Books", day, day.replace(day=1), None, False)
    ended = ("P003", None, None, "Electronics", day, date(2015, 3, 1), date(2015, 4, 30), True)
    names: dict[str, list[tuple[Any, ...]]] = {
        "brand_trends": [
            ("Acme", 2012, 2018, 200, 4.1, 0.12, 0.06, 0.18, 0.03, 0.0001, 0.0004, "rising"),
            ("Bolt", 2012, 2018, 180, 3.9, -0.09, -0.15, -0.03, 0.03, 0.003, 0.006, "falling"),
            ("Crane", 2012, 2018, 250, 4.0, 0.01, -0.05, 0.07, 0.03, 0.74, 0.74, "flat"),
            ("Dove", 2016, 2018, 31, 4.9, 0.2, 0.01, 0.39, 0.1, 0.045, 0.06, "flat"),
        ],
        "credibility": [
            ("All categories", 600, 250, 4.2, 3.9, 0.3, 0.12, 0.48, 0.001, True),
            ("Books", 100, 50, 4.1, 4.15, -0.05, -0.3, 0.2, 0.7, False),
            ("Toys & Games", 1, 0, 4.0, None, None, None, None, None, None),
        ],
        "product_alerts": [
            (*going_on, 40, 3, 20, 12, 4.4, 3.1, 1.3, 0.5, 2.0, 0.0004),
            (*ended, 30, 4, 6, 5, 4.0, 2.5, 1.5, 0.2, 2.4, 0.03),
        ],
        "source_columns": [
            ("reviews", "vote", 1000, 830, 0.83, True),
            ("reviews", "style", 1000, 700, 0.7, False),
            ("reviews", "overall", 1000, 0, 0.0, False),
            ("products", "fit", 100, 99, 0.99, True),
        ],
        "pipeline_reconciliation": [
            ("bronze", "reviews", "partition_1", 500, 500, 0, 0, True),
            ("silver", "reviews", "partition_1", 500, 470, 20, 10, True),
            ("silver", "reviews", "partition_2", 430, 410, 12, 7, False),
        ],
        "pipeline_rejected": [
            ("reviews", "partition_1", "not_json", 6),
            ("reviews", "partition_1", "missing_field", 4),
            ("reviews", "partition_2", "not_json", 7),
        ],
        "pipeline_stream": [
            ("ns/reviews", "0", 60, 59, INSTANT, 0, 4, 30.0, INSTANT),
            ("ns/reviews", "1", 30, 35, INSTANT, 6, 0, 0.0, INSTANT),
        ],
        "pipeline_runs": [
            ("r2", "stream_reviews", "gold/reviews", "FAILURE", INSTANT, INSTANT, 12.5),
            ("r1", "__ASSET_JOB", "bronze/reviews", "SUCCESS", INSTANT, INSTANT, 60.0),
        ],
        "sentiment_evaluation": [
            ("project", "binary", "all", "", 700, 0.98, 0.97, 0.89, 0.07, 0.005, "abc", True),
            ("majority", "binary", "all", "", 700, 0.5, 0.9, 0.48, 0.23, 0.001, None, None),
            (
                "project",
                "binary",
                "category",
                FORMULA,
                90,
                0.97,
                0.95,
                0.88,
                0.08,
                0.01,
                "abc",
                True,
            ),
            ("project", "binary", "users", "", None, None, 0.8, None, None, None, "abc", True),
            ("project", "three", "all", "", 800, 0.93, 0.9, 0.7, 0.2, 0.02, "abc", True),
        ],
        "sentiment_confusion": [
            ("binary", "negative", "negative", 60),
            ("binary", "negative", "positive", 10),
            ("binary", "positive", "negative", 12),
            ("binary", "positive", "positive", 618),
            ("three", "neutral", "positive", 5),
        ],
        "recommender_similar": [
            ("P001", 1, "P002", 0.9, False, "content", "v1"),
            ("P001", 2, "P999", 0.4, False, "content", "v1"),
            ("P001", 3, "P005", 0.1, False, "content", "v1"),
        ],
        "recommender_top": [
            ("A001", 1, "P003", 0.8, False, "P001", 5.0, "hybrid", "v1", 0),
            ("A001", 2, "P004", 0.0, True, None, None, "hybrid", "v1", 0),
            ("A002", 1, "P001", 0.9, False, "P003", 4.0, "hybrid", "v1", 0),
            ("A002", 2, "P003", 0.7, False, "P001", 5.0, "hybrid", "v1", 0),
        ],
        "recommender_evaluation": [
            ("temporal", method, "all", figure, value, value - 0.01, value + 0.01)
            for method, value in (("hybrid", 0.14), ("bm25", 0.1), ("popularity", 0.06))
            for figure in ("ndcg@10", "recall@10")
        ],
        "sentiment_calibration": [(0.6, 0.57, 40), (0.95, 0.96, 660)],
        "sentiment_words": [
            ("All categories", "negative", 1, "waste", 2.1, 40),
            ("All categories", "positive", 1, HOSTILE_TITLE, 1.7, 90),
            ("Books", "negative", 1, "boring", 1.9, 12),
            ("Books", "positive", 1, "loved", 1.2, 30),
        ],
    }
    return {f"gold/{noun}": _rows(f"gold/{noun}", rows) for noun, rows in names.items()}


def _rows(name: str, rows: list[tuple[Any, ...]]) -> pa.Table:
    schema = TABLES[name].arrow_schema
    return pa.Table.from_pylist([dict(zip(schema.names, r, strict=True)) for r in rows], schema)
