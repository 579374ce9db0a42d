"""What each mart must hold: hand-written SQL, run by DuckDB over the Delta tables' own files.

`sql/NAME.sql` answers the mart `gold/NAME`; it knows nothing of the transforms.
"""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.transforms import products, reviews

_SQL = Path(__file__).with_name("sql")
_MACROS = "macros"
NAMES = sorted(file.stem for file in _SQL.glob("*.sql") if file.stem != _MACROS)
_TABLES = {
    "reviews": "gold/reviews",
    "products": "gold/products",
    "bronze_reviews": "bronze/reviews",
    "bronze_products": "bronze/products",
    "review_events": "bronze/review_events",
}


@contextmanager
def reading(lakehouse: Lakehouse, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with a view of each table that the statements read."""
    with duckdb.connect(config={"threads": threads}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(_text(_MACROS))
        db.create_function("two_sided", _two_sided, ["DOUBLE"], "DOUBLE")
        for name, key in _TABLES.items():
            add_view(db, lakehouse, name, key)
        yield db


def add_view(db: duckdb.DuckDBPyConnection, lakehouse: Lakehouse, name: str, key: str) -> None:
    """A view of the Parquet files that make up a Delta table now."""
    files = lakehouse.delta(key).file_uris() if lakehouse.exists(key) else []
    if files:
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files!r})")
    else:
        db.register(name, TABLES[key].arrow_schema.empty_table())


def answer(db: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    """The rows of the mart `gold/<name>`, in its columns and types."""
    found = db.sql(statement(name)).to_arrow_table()
    schema = TABLES[f"gold/{name}"].arrow_schema
    assert set(found.column_names) == set(schema.names)
    return found.select(schema.names).cast(schema)


def statement(name: str) -> str:
    """The query that answers the mart `gold/<name>`."""
    return (
        _text(name)
        .replace("{review_fields}", _texts(reviews.FIELDS))
        .replace("{product_fields}", _texts(products.FIELDS))
    )


def _text(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text()


def _texts(fields: Sequence[str]) -> str:
    """The structure of a JSON object of which DuckDB is to read these fields as texts."""
    return json.dumps(dict.fromkeys(fields, "VARCHAR"))


def _two_sided(deviation: float) -> float:
    """How likely a standard normal value is to be as far from 0."""
    return math.erfc(abs(deviation) / math.sqrt(2))
