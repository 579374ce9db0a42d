"""The export of a table as one Parquet file."""

import pyarrow.parquet as pq

from amazon_reviews.pipeline.titles import export_parquet
from amazon_reviews.resources.built_files import read_built
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS
from amazon_reviews.schemas.built import Built
from amazon_reviews.schemas.titles import GOLD_TITLES
from amazon_reviews_tests.serving.synthetic_titles import tables


def test_export_has_the_rows_of_the_table_and_the_record(lakehouse, tmp_path):
    path, built = tmp_path / "titles.parquet", Built(1, {"gold/titles": 2})
    rows = tables()[GOLD_TITLES.key]
    lakehouse.write(rows, GOLD_TITLES.key, replacing=ALL_ROWS)

    assert export_parquet(lakehouse, GOLD_TITLES, path, built=built) == rows.num_rows > 0
    assert read_built(path) == built
    assert pq.read_schema(path).equals(GOLD_TITLES.arrow_schema)
    exported = pq.read_table(path).sort_by("id").to_pylist()
    assert exported == rows.sort_by("id").to_pylist()
    export_parquet(lakehouse, GOLD_TITLES, path)
    assert read_built(path) is None
