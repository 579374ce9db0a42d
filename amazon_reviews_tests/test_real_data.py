"""The source's own files, counted once more with nothing but the standard library."""

import gzip
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.reconciliation import all_accounts
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
    """Every file as a landing partition; returns the names of the partitions by file."""
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


def identity(review):
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


def test_four_whole_files_give_their_reviews(whole):
    lakehouse, partitions, _ = whole
    lines = partition_rows(lakehouse.delta("bronze/reviews"))
    kept = partition_rows(lakehouse.delta("silver/reviews"))

    found = {stem(file): (lines[name], kept[name]) for file, name in partitions.items()}

    assert found == WHOLE
    assert sum(lines.values()) == 10_800
    assert rows(lakehouse, "silver/rejected", "table", "file", "line", "reason") == []
    ids = {row[0] for row in rows(lakehouse, "gold/reviews", "review_id")}
    assert len(ids) == len(rows(lakehouse, "gold/reviews", "review_id")) == 8_598
    assert [account for account in all_accounts(lakehouse) if not account.balanced] == []


def test_gold_holds_the_very_reviews_of_the_files(whole):
    lakehouse, partitions, _ = whole
    expected = Counter()
    for file, name in partitions.items():
        distinct = {identity(review) for review in records(file)}
        expected.update((name, reviewer, asin, stars) for stars, reviewer, asin, _, _ in distinct)

    found = rows(lakehouse, "gold/reviews", "partition", "reviewer_id", "asin", "overall")

    assert Counter((*row[:3], float(row[3])) for row in found) == expected


def test_every_review_of_a_described_product_meets_it_once(whole):
    lakehouse, _, products = whole
    described = {product["asin"] for file in products for product in records(file)}

    found = rows(lakehouse, "gold/reviews", "asin", "title")

    assert {asin for asin, title in found if title is not None} == described & {
        asin for asin, _ in found
    }


def test_metadata_files_give_one_row_per_product(whole):
    lakehouse, _, partitions = whole
    found = rows(lakehouse, "silver/products", "partition", "asin")
    distinct = {
        stem(file): len({a for p, a in found if p == name}) for file, name in partitions.items()
    }

    assert distinct == METADATA
    in_files = {product["asin"] for file in partitions for product in records(file)}
    in_gold = [asin for (asin,) in rows(lakehouse, "gold/products", "asin")]
    assert sorted(in_gold) == sorted(in_files)


@pytest.fixture(scope="module")
def samples(spark, data, tmp_path_factory):
    """The ten further review files in silver: nine categories, and the datathon's own rows."""
    folder = tmp_path_factory.mktemp("samples")
    files = sorted((data / "reviews" / "category_samples").glob("*.json.gz"))
    files.append(data / "reviews" / "datathon_fashion.json.gz")
    partitions = lay_out(folder / "landing", "amazon_reviews", files)
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    landing = LandingZone(location=str(folder / "landing"))
    return lakehouse, partitions, build_silver_all(spark, landing, lakehouse, REVIEWS)


def test_ten_further_files_lose_nothing(samples):
    _, partitions, reports = samples
    assert len(partitions) == 10

    for file, name in partitions.items():
        lines = [identity(review) for review in records(file)]
        report = reports[name]
        assert report.rejected.total() == 0, file.name
        assert (report.lines, report.kept) == (len(lines), len(set(lines))), file.name
        assert report.duplicates == len(lines) - len(set(lines)), file.name


def test_typed_rows_read_like_the_public_files(samples):
    lakehouse, partitions, _ = samples
    (file,) = (file for file in partitions if stem(file) == "datathon_fashion")
    source = records(file)
    name = partitions[file]

    found = rows(
        lakehouse, "silver/reviews", "partition", "verified", "vote", "style", "reviewed_on"
    )
    typed = [row[1:] for row in found if row[0] == name]

    assert all(day is not None for *_, day in typed)
    assert sum(style is not None for _, _, style, _ in typed) > 0
    assert {verified for verified, *_ in typed} <= {True, False}
    assert len(typed) == len({identity(review) for review in source})


def test_all_fields_of_the_datathons_metadata_are_known(data):
    with gzip.open(data / "metadata" / "datathon_schema.json.gz") as file:
        schema = json.load(file)

    assert {field["name"] for field in schema["fields"]} <= set(PRODUCTS.fields)
