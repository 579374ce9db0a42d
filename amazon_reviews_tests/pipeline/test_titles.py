"""Catalogues as spreadsheets save them, and the export of a table as one Parquet file."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from amazon_reviews.pipeline.datasets import TITLES
from amazon_reviews.pipeline.titles import export_parquet
from amazon_reviews.resources.built_files import read_built
from amazon_reviews.resources.lakehouse.tables import ALL_ROWS
from amazon_reviews.schemas.built import Built
from amazon_reviews.schemas.titles import GOLD_TITLES
from amazon_reviews_tests.helpers import build_silver_all, rows
from amazon_reviews_tests.serving.synthetic_titles import tables


def test_export_has_the_rows_of_the_table_and_the_record(lakehouse, tmp_path):
    path, built = tmp_path / "titles.parquet", Built(1, {"gold/titles": 2})
    table = tables()[GOLD_TITLES.key]
    lakehouse.write(table, GOLD_TITLES.key, replacing=ALL_ROWS)

    assert export_parquet(lakehouse, GOLD_TITLES, path, built=built) == table.num_rows > 0
    assert read_built(path) == built
    assert pq.read_schema(path).equals(GOLD_TITLES.arrow_schema)
    exported = pq.read_table(path).sort_by("id").to_pylist()
    assert exported == table.sort_by("id").to_pylist()
    export_parquet(lakehouse, GOLD_TITLES, path)
    assert read_built(path) is None


CATALOGUE = """\
show_id;type;title;director;cast;country;date_added;release_year;rating;duration;listed_in;\
description
s1;Movie;Amélie;J. Jeunet;Audrey Tautou, Jamel Debbouze;France;26-Nov-21;2001;R;122 min;Comédies;\
"A shy waitress; she helps ‘others’"
s2;TV Show;Señora;;;Spain;1-Dec-08;2008;;3 Seasons;Drama;"In the 1920s:
a love story"
"""


def test_catalogue_saved_by_a_spreadsheet_is_read_as_it_was(spark, landing, lakehouse):
    content = CATALOGUE.replace("\n", "\r\n").encode("windows-1252")
    folder = Path(landing.location) / TITLES.folder
    folder.mkdir()
    (folder / "netflix_titles.csv").write_bytes(content)

    ((_, counts),) = build_silver_all(spark, landing, lakehouse, TITLES).items()

    assert (counts.lines, counts.kept) == (2, 2)
    columns = ("id", "title", "date_added", "rating", "rating_imputed", "duration_int", "listed_in")
    assert rows(lakehouse, "silver/titles", *columns) == [
        ("ns1", "amélie", date(2021, 11, 26), "r", False, 122, "comédies"),
        ("ns2", "señora", date(2008, 12, 1), "g", True, 3, "drama"),
    ]
    texts = rows(lakehouse, "silver/titles", "description", "actors", "line")
    assert texts == [
        ("a shy waitress; she helps ‘others’", ["audrey tautou", "jamel debbouze"], 2),
        ("in the 1920s: a love story", None, 3),
    ]
    assert {*rows(lakehouse, "bronze/titles", "charset", "delimiter")} == {("windows-1252", ";")}
