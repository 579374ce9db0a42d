"""Real files, compared with counts of the standard library alone."""

import gzip
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.resources.lakehouse.tables import Lakehouse, partition_rows
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import build_gold_all, build_silver_all, rows

WHOLE = {
    "Gift_Cards_5": (2_972, 2_972),
    "Magazine_Subscriptions_5": (2_375, 2_333),
    "AMAZON_FASHION_5": (3_176, 3_088),
    "Appliances_5": (2_277, 205),
}
METADATA = {
    "meta_Gift_Cards.v1": 1_547,
    "meta_Gift_Cards.v2": 1_547,
    "meta_Magazine_Subscriptions.v1": 2_320,
    "meta_Appliances.subset": 100,
    "datathon_fashion": 9,
}


@pytest.fixture(scope="module")
def data():
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    return Path(folder)


def lay_out(landing, dataset, files):
    """Copy every file to a landing partition; return the names of the partitions by file."""
    names = {}
    for number, file in enumerate(files, start=1):
        names[file] = f"partition_{number}"
        folder = landing / dataset / names[file]
        folder.mkdir(parents=True)
        shutil.copy(file, folder)
    return names


def stem(file):
    return file.name.removesuffix(".json.gz")


def records(file):
    with gzip.open(file, "rb") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def unique_key(review):
    texts = [review.get(name) for name in ("reviewerID", "asin", "reviewText", "summary")]
    return float(review["overall"]), *texts


@pytest.fixture(scope="module")
def whole(spark, data, tmp_path_factory):
    """The four whole review files and all metadata in gold."""
    folder = tmp_path_factory.mktemp("whole")
    files = [data / "reviews" / f"{name}.json.gz" for name in WHOLE]
    metadata = [data / "metadata" / f"{name}.json.gz" for name in METADATA]
    reviews = lay_out(folder / "landing", "amazon_reviews", files)
    products = lay_out(folder / "landing", "amazon_metadata", metadata)
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    build_gold_all(spark, LandingZone(location=str(folder / "landing")), lakehouse)
    return lakehouse, reviews, products


def test_whole_files_give_the_known_number_of_reviews(whole):
    lakehouse, partitions, _ = whole
    lines = partition_rows(lakehouse.delta("bronze/reviews"))
    kept = partition_rows(lakehouse.delta("silver/reviews"))

    counts = {stem(file): (lines[name], kept[name]) for file, name in partitions.items()}

    assert counts == WHOLE
    assert sum(lines.values()) == 10_800
    assert rows(lakehouse, "silver/rejected", "table", "file", "line", "reason") == []
    ids = {row[0] for row in rows(lakehouse, "gold/reviews", "review_id")}
    assert len(ids) == len(rows(lakehouse, "gold/reviews", "review_id")) == 8_598
    assert [row for row in reconcile_all(lakehouse) if not row.balanced] == []


def test_gold_has_exactly_the_reviews_of_the_files(whole):
    lakehouse, partitions, _ = whole
    expected = Counter()
    for file, name in partitions.items():
        distinct = {unique_key(review) for review in records(file)}
        expected.update((name, reviewer, asin, stars) for stars, reviewer, asin, _, _ in distinct)

    actual = rows(lakehouse, "gold/reviews", "partition", "reviewer_id", "asin", "overall")

    assert Counter((*row[:3], float(row[3])) for row in actual) == expected


def test_reviews_are_joined_with_all_described_products(whole):
    lakehouse, _, products = whole
    described = {product["asin"] for file in products for product in records(file)}

    actual = rows(lakehouse, "gold/reviews", "asin", "title")

    assert {asin for asin, title in actual if title is not None} == described & {
        asin for asin, _ in actual
    }


def test_metadata_files_give_one_row_per_product(whole):
    lakehouse, _, partitions = whole
    actual = rows(lakehouse, "silver/products", "partition", "asin")
    distinct = {
        stem(file): len({a for p, a in actual if p == name}) for file, name in partitions.items()
    }

    assert distinct == METADATA
    in_files = {product["asin"] for file in partitions for product in records(file)}
    in_gold = [asin for (asin,) in rows(lakehouse, "gold/products", "asin")]
    assert sorted(in_gold) == sorted(in_files)


@pytest.fixture(scope="module")
def samples(spark, data, tmp_path_factory):
    """Ten further review files in silver: nine categories, and the rows of the datathon."""
    folder = tmp_path_factory.mktemp("samples")
    files = sorted((data / "reviews" / "category_samples").glob("*.json.gz"))
    files.append(data / "reviews" / "datathon_fashion.json.gz")
    partitions = lay_out(folder / "landing", "amazon_reviews", files)
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    landing = LandingZone(location=str(folder / "landing"))
    return lakehouse, partitions, build_silver_all(spark, landing, lakehouse, REVIEWS)


def test_further_files_lose_no_lines(samples):
    _, partitions, reports = samples
    assert len(partitions) == 10

    for file, name in partitions.items():
        lines = [unique_key(review) for review in records(file)]
        report = reports[name]
        assert report.rejected.total() == 0, file.name
        assert (report.lines, report.kept) == (len(lines), len(set(lines))), file.name
        assert report.duplicates == len(lines) - len(set(lines)), file.name


def test_typed_columns_of_public_files_are_filled(samples):
    lakehouse, partitions, _ = samples
    (file,) = (file for file in partitions if stem(file) == "datathon_fashion")
    source = records(file)
    name = partitions[file]

    actual = rows(
        lakehouse, "silver/reviews", "partition", "verified", "vote", "style", "reviewed_on"
    )
    typed = [row[1:] for row in actual if row[0] == name]

    assert all(day is not None for *_, day in typed)
    assert sum(style is not None for _, _, style, _ in typed) > 0
    assert {verified for verified, *_ in typed} <= {True, False}
    assert len(typed) == len({unique_key(review) for review in source})


def test_all_fields_of_the_datathon_metadata_are_known(data):
    with gzip.open(data / "metadata" / "datathon_schema.json.gz") as file:
        schema = json.load(file)

    assert {field["name"] for field in schema["fields"]} <= set(PRODUCTS.native.source_fields)
