"""Real files of every format: as many records as an independent reader counted."""

import os
import re
from pathlib import Path

import pytest

from amazon_reviews.pipeline.source_files.formats import Reading
from amazon_reviews.pipeline.source_files.source import open_source
from amazon_reviews.resources.landing.layout import LandingFile

_ROW = re.compile(r"\| (\S+) \| \d+ \| (\d+) \| ")
_WITHOUT_HEADER = {
    "ratings/amazon2018_Magazine_Subscriptions.csv": 4,
    "ratings/movielens_u.data": 4,
    "polarity/test.ft.txt": 1,
    "polarity/yelp_review_polarity_csv/test.csv": 2,
    "polarity/yelp_review_polarity_csv/train.csv": 2,
    "polarity/yelp_review_polarity_csv/unlabeled.csv": 2,
}
_CONTAINERS = {
    "amazon2014/meta_Digital_Music.json.gz": "python",
    "aws/amazon_reviews_us_Gift_Card_v1_00.tsv": "\t",
    "alexa/amazon_alexa.tsv": "\t",
    "finefoods/snap/movies.sample.txt": "paragraphs",
    "shops/amazon_fr_semicolon.csv": ";",
    "shops/flipkart_amazon_reviews.parquet": "parquet",
    "yelp/yelp_academic_dataset_review.json": "json",
    "avro/54.avro": "avro",
}


@pytest.fixture(scope="module")
def folder():
    location = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not location or not (path := Path(location, "formats")).is_dir():
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set, or has no formats")
    return path


def read(folder, name):
    path = folder / name
    columns = _WITHOUT_HEADER.get(name)
    reading = Reading(columns=columns and tuple(f"c{at}" for at in range(columns)))
    with path.open("rb") as stream:
        file = LandingFile(str(path), path.name, path.stat().st_size, "1")
        source = open_source(stream, file, reading)
        return source.format, [record for block in source.records() for record in block]


def test_every_file_has_its_records(folder):
    rows = _ROW.findall((folder / "SOURCES.md").read_text())
    expected = {name: int(records) for name, records in rows}

    assert len(expected) > 30
    assert {name: len(read(folder, name)[1]) for name in expected} == expected


@pytest.mark.parametrize("name", _CONTAINERS)
def test_container_or_delimiter_is_found(folder, name):
    file_format, _ = read(folder, name)

    assert _CONTAINERS[name] in (file_format.container, file_format.delimiter)
