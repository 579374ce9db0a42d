"""Expected rows of each mart: hand-written SQL, run by DuckDB over the files of Delta tables.

`sql/NAME.sql` is the reference of the mart `gold/NAME`; it uses no code of the transforms.
"""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from amazon_reviews.profiles.files import built_in_profiles
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES

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
    """Yield a DuckDB connection with a view of each table that the statements read."""
    with duckdb.connect(config={"threads": threads}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.create_function("two_sided", _two_sided, ["DOUBLE"], "DOUBLE")
        for name, key in _TABLES.items():
            add_view(db, lakehouse, name, key)
        db.execute(_text(_MACROS))
        yield db


def add_view(db: duckdb.DuckDBPyConnection, lakehouse: Lakehouse, name: str, key: str) -> None:
    """Create a view of the Parquet files in the newest version of a Delta table."""
    files = lakehouse.delta(key).file_uris() if lakehouse.exists(key) else []
    if files:
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files!r})")
    else:
        db.register(name, TABLES[key].arrow_schema.empty_table())


def expected_rows(db: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    """Return the rows of the mart `gold/<name>`, in its columns and types."""
    rows = db.sql(statement(name)).to_arrow_table()
    schema = TABLES[f"gold/{name}"].arrow_schema
    assert set(rows.column_names) == set(schema.names)
    return rows.select(schema.names).cast(schema)


def statement(name: str) -> str:
    """Return the query for the rows of the mart `gold/<name>`."""
    fields = {profile.name: profile.source_fields for profile in built_in_profiles()}
    return (
        _text(name)
        .replace("{review_fields}", _texts(fields["amazon_2018"]))
        .replace("{product_fields}", _texts(fields["amazon_2018_products"]))
    )


def _text(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text()


def _texts(fields: Sequence[str]) -> str:
    """Return the structure of a JSON object for DuckDB to read these fields as texts."""
    return json.dumps(dict.fromkeys(fields, "VARCHAR"))


def _two_sided(deviation: float) -> float:
    """Return the probability that a standard normal value is at least as far from 0."""
    return math.erfc(abs(deviation) / math.sqrt(2))
