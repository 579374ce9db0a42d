"""Samples of every profile, compared with truth.json and with the sample of amazon_2018."""

import json
import os
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from amazon_reviews.devtools.sample_data import PROFILES, SampleOptions, generate
from amazon_reviews_tests.sample_data.counting import (
    count_reviews,
    digest,
    event_lines,
    partition_lines,
    partitions,
    review_rejection,
)
from amazon_reviews_tests.sample_data.plain_readers import (
    FIELDS,
    Record,
    field_names,
    files_of,
    read_products,
    read_reviews,
)

OTHERS = PROFILES[1:]
JSON_LINES = ("amazon_2014", "amazon_2023", "marc", "yelp")
SAME_IDS = ("amazon_2014", "amazon_2023", "fine_food", "fine_food_snap")
CATALOGUES = ("amazon_2014", "amazon_2023")
OPTIONS = {
    "reviews": 2_400,
    "products": 200,
    "users": 150,
    "partitions": 5,
    "events": 300,
    "titles": 20,
    "title_ratings": 60,
    "seed": 5,
    "duplicates_within": 0.03,
    "duplicates_across": 0.03,
    "malformed": 0.04,
    "unknown_fields": 0.01,
}


class Sample:
    """The folder of a sample, its truth, and its valid reviews in order."""

    def __init__(self, folder: Path, profile: str) -> None:
        self.folder = folder
        self.truth = generate(SampleOptions(**OPTIONS, profile=profile), folder)
        self.partitions = {
            partition.name: self._read(profile, partition)
            for partition in partitions(folder / "amazon_reviews")
        }
        records = [record for part in self.partitions.values() for record in part]
        self.reviews = [record for record in records if not isinstance(record, str)]

    def _read(self, profile: str, partition: Path) -> list[Record | str]:
        if profile in FIELDS:
            return read_reviews(profile, partition)
        return [review_rejection(line) or json.loads(line) for line in partition_lines(partition)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that returns the sample of a profile."""
    return cache(lambda profile: Sample(tmp_path_factory.mktemp(profile), profile))


def identity(review: Record) -> tuple[Any, ...]:
    stars = Decimal(str(review["stars"])).quantize(Decimal("0.1"))
    return review["reviewer"], review["asin"], stars, review["text"], review["summary"]


@pytest.mark.parametrize("profile", OTHERS)
def test_truth_of_reviews_equals_a_count(samples, profile):
    sample = samples(profile)
    gold = set()
    for name, records in sample.partitions.items():
        rejected = Counter(record for record in records if isinstance(record, str))
        identities = [identity(record) for record in records if not isinstance(record, str)]
        assert sample.truth["reviews"][name] == {
            "lines": len(records),
            "distinct": len(set(identities)),
            "duplicates_within": len(identities) - len(set(identities)),
            "rejected": dict(rejected),
        }
        gold |= set(identities)
    assert sample.truth["gold"]["reviews"] == len(gold)
    counts, streamed = count_reviews(event_lines(sample.folder))
    assert sample.truth["events"] == counts | {"by_file": len(streamed & gold)}
    assert sample.truth["gold"]["reviews_with_events"] == len(gold | streamed)
    assert (profile in SAME_IDS) == bool(streamed & gold)


@pytest.mark.parametrize("profile", OTHERS)
def test_reviews_are_those_of_amazon_2018(samples, profile):
    pairs = list(zip(samples(profile).reviews, samples("amazon_2018").reviews, strict=True))
    for new, old in pairs:
        texts = [old.get("reviewText"), old.get("summary")]
        if profile == "yelp":
            texts = [texts[0] or texts[1], None]
        if profile in ("aws_customer_reviews", "fine_food_snap"):
            texts = [text and text.replace("\n", "<br />") for text in texts]
        if profile == "aws_customer_reviews":
            texts = [text and text.replace("\t", " ") for text in texts]
        assert [new["text"] or None, new["summary"] or None] == texts
        assert new["stars"] == float(old["overall"])
    for new_key, old_key in (("reviewer", "reviewerID"), ("product", "asin")):
        ids = {(new[new_key], old[old_key]) for new, old in pairs}
        assert len(ids) == len({new for new, _ in ids}) == len({old for _, old in ids})
        if profile in SAME_IDS:
            assert all(new == old for new, old in ids)


@pytest.mark.parametrize("profile", [name for name in OTHERS if name != "marc"])
def test_days_of_reviews_are_those_of_amazon_2018(samples, profile):
    pairs = zip(samples(profile).reviews, samples("amazon_2018").reviews, strict=True)
    days = [
        (new["day"], f"{datetime.fromtimestamp(old['unixReviewTime'], UTC):%Y-%m-%d}")
        for new, old in pairs
        # Float notation rounds the time, at most to the next day.
        if not isinstance(new["record"].get("timestamp"), float)
    ]
    undated = sum(new is None for new, _ in days)
    assert (0 < undated < 0.03 * len(days)) if profile == "datafiniti" else undated == 0
    assert all(new in (None, old) for new, old in days)


@pytest.mark.parametrize("profile", OTHERS)
def test_rejected_records_have_the_reasons_that_the_container_can_hold(samples, profile):
    reasons = set().union(
        *(part["rejected"] for part in samples(profile).truth["reviews"].values())
    )
    expected = {"missing_field", "wrong_type", "out_of_range", "not_utf8"}
    if profile in JSON_LINES:
        expected |= {"not_json", "not_an_object"}
    elif profile != "fine_food_snap":
        expected |= {"not_an_object"}
    assert reasons == expected


@pytest.mark.parametrize("profile", OTHERS)
def test_other_folders_are_those_of_amazon_2018(samples, profile):
    for folder in ("events", "titles", "title_ratings"):
        sample, original = samples(profile), samples("amazon_2018")
        assert digest(sample.folder / folder) == digest(original.folder / folder)


@pytest.mark.parametrize("profile", ["amazon_2023", "datafiniti"])
def test_same_options_give_the_same_bytes(samples, tmp_path, profile):
    generate(SampleOptions(**OPTIONS, profile=profile), tmp_path)
    assert digest(tmp_path) == digest(samples(profile).folder)


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        ("amazon_2014", ["reviews_All_Beauty.json.gz", "reviews_All_Beauty_2.json.gz"]),
        ("amazon_2023", ["All_Beauty.jsonl.gz", "All_Beauty_2.jsonl.gz"]),
        (
            "aws_customer_reviews",
            [f"amazon_reviews_us_All_Beauty_v1_0{number}.tsv.gz" for number in (0, 1)],
        ),
        ("fine_food", ["Reviews.csv", "Reviews_2.csv"]),
        ("fine_food_snap", ["finefoods.txt.gz", "finefoods_2.txt.gz"]),
        ("marc", ["dataset_en_train.json", "dataset_en_train_2.json"]),
        ("yelp", [f"yelp_academic_dataset_review{again}.json" for again in ("", "_2")]),
        (
            "datafiniti",
            [
                f"Datafiniti_Amazon_Consumer_Reviews_of_Amazon_Products{again}.csv"
                for again in ("", "_2")
            ],
        ),
    ],
)
def test_files_have_their_published_names(samples, profile, names):
    folder = samples(profile).folder / "amazon_reviews" / "partition_1"
    assert sorted(path.name for path in folder.iterdir()) == names


def test_files_without_compression_have_names_without_gz(tmp_path):
    options = OPTIONS | {"reviews": 9, "products": 9, "partitions": 1, "compress": False}
    generate(SampleOptions(**options, profile="amazon_2023"), tmp_path)
    (file,) = (tmp_path / "amazon_metadata" / "partition_1").glob("meta_All_Beauty.jsonl")
    assert json.loads(file.read_bytes().splitlines()[0])["parent_asin"]


@pytest.mark.parametrize("profile", CATALOGUES)
def test_truth_of_products_equals_a_count(samples, profile):
    sample = samples(profile)
    described = set()
    for partition in partitions(sample.folder / "amazon_metadata"):
        records = read_products(profile, partition)
        valid = [repr(record) for record in records if not isinstance(record, str)]
        assert sample.truth["products"][partition.name] == {
            "lines": len(records),
            "distinct": len(set(valid)),
            "duplicates_within": len(valid) - len(set(valid)),
            "rejected": dict(Counter(record for record in records if isinstance(record, str))),
        }
        described |= {asin_of(record) for record in records if not isinstance(record, str)}
    assert sample.truth["gold"]["products"] == len(described) == OPTIONS["products"]
    reviewed = {review["product"] for review in sample.reviews}
    assert reviewed - described
    assert described - reviewed


def asin_of(product: Record) -> str:
    return product.get("parent_asin") or product["asin"]


@pytest.mark.parametrize("profile", ["aws_customer_reviews", "datafiniti"])
def test_products_of_review_rows_are_counted(samples, profile):
    sample = samples(profile)
    titles = {"aws_customer_reviews": "product_title", "datafiniti": "name"}[profile]
    described = {(review["asin"], review["record"][titles]) for review in sample.reviews}
    assert sample.truth["gold"]["products"] == len(described)
    assert len({asin for asin, _ in described}) == len(described)


@pytest.mark.parametrize("profile", [name for name in OTHERS if name not in CATALOGUES])
def test_profiles_without_files_of_products_have_no_metadata(samples, profile):
    sample = samples(profile)
    assert not (sample.folder / "amazon_metadata").exists()
    assert sample.truth["products"] == {}


def test_reviews_of_2014_have_helpful_votes_of_all_votes(samples):
    pairs = zip(samples("amazon_2014").reviews, samples("amazon_2018").reviews, strict=True)
    for new, old in pairs:
        votes, total = new["record"]["helpful"]
        # A duplicate may have lost its votes.
        assert votes in (0, int(float(str(old.get("vote", 0)).replace(",", ""))))
        assert total >= votes


def test_reviews_of_2023_have_the_published_fields_types_and_quirks(samples):
    records = [review["record"] for review in samples("amazon_2023").reviews]
    types = {
        "rating": float,
        "title": str,
        "text": str,
        "images": list,
        "asin": str,
        "parent_asin": str,
        "user_id": str,
        "timestamp": int | float,
        "helpful_vote": int,
        "verified_purchase": bool,
    }
    for record in records:
        # Unknown fields are at the end.
        assert list(record)[: len(types)] == list(types)
        assert all(isinstance(record[name], type_) for name, type_ in types.items())
    assert any(len(record) > len(types) for record in records)
    variants = sum(record["asin"] != record["parent_asin"] for record in records)
    assert 0.15 < variants / len(records) < 0.35
    assert sum(isinstance(record["timestamp"], float) for record in records) in range(1, 30)
    images = [image for record in records for image in record["images"]]
    keys = ["small_image_url", "medium_image_url", "large_image_url", "attachment_type"]
    assert images
    assert all(list(image) == keys for image in images)


def test_products_of_2023_have_the_published_fields_and_the_ratings_of_the_reviews(samples):
    sample = samples("amazon_2023")
    reviews = Counter(review["product"] for review in sample.reviews)
    products = products_of(sample, "amazon_2023")
    for product in products:
        assert "asin" not in product
        assert product["bought_together"] is None
        assert 0 <= product["average_rating"] <= 5
        assert product["rating_number"] > reviews[product["parent_asin"]]
    assert {type(product["price"]) for product in products} == {float, str, type(None)}
    assert any(product["details"].get("Best Sellers Rank") for product in products)
    assert any(product["images"] and product["images"][0]["hi_res"] for product in products)


def test_products_of_2014_have_keys_that_differ(samples):
    products = products_of(samples("amazon_2014"), "amazon_2014")
    assert len({tuple(product) for product in products}) > 5
    assert any("also_bought" in product.get("related", {}) for product in products)
    assert all(isinstance(product.get("price", 1.0), float) for product in products)


def products_of(sample: Sample, profile: str) -> list[Record]:
    return [
        product
        for partition in partitions(sample.folder / "amazon_metadata")
        for product in read_products(profile, partition)
        if not isinstance(product, str)
    ]


def test_delimited_files_have_the_bytes_of_their_producers(samples):
    tabs, fine_food, datafiniti = (
        files_of(samples(profile).folder / "amazon_reviews" / "partition_1")[0]
        for profile in ("aws_customer_reviews", "fine_food", "datafiniti")
    )
    assert b'"' in tabs
    assert b'""' not in tabs
    assert b"\r" not in fine_food
    assert datafiniti.startswith(b"\xef\xbb\xbfid,")
    assert b"\r\n" in datafiniti
    # Line breaks in texts stay as they are.
    assert datafiniti.replace(b"\r\n", b"").count(b"\n") > 0


@pytest.mark.parametrize(
    ("profile", "pattern"),
    [
        ("amazon_2014", "amazon2014/reviews_*.json.gz"),
        ("amazon_2023", "amazon2023/synthetic_form/reviews.jsonl"),
        ("aws_customer_reviews", "aws/*.tsv"),
        ("fine_food", "finefoods/Reviews.csv"),
        ("fine_food_snap", "finefoods/snap/*.txt"),
        ("marc", "marc/dataset_en_test.json"),
        ("yelp", "yelp/*.json"),
    ],
)
def test_fields_equal_those_of_the_real_files(samples, tmp_path, profile, pattern):
    """Compares names only, so no content of the real files becomes part of the tests."""
    real = field_names(profile, real_files(pattern, tmp_path))
    assert field_names(profile, samples(profile).folder / "amazon_reviews" / "partition_1") == real


@pytest.mark.parametrize(
    ("profile", "pattern"),
    [
        ("amazon_2014", "amazon2014/meta_*.json.gz"),
        ("amazon_2023", "amazon2023/meta_*.jsonl"),
    ],
)
def test_fields_of_products_equal_those_of_the_real_files(samples, tmp_path, profile, pattern):
    real = read_products(profile, real_files(pattern, tmp_path))
    products = products_of(samples(profile), profile)
    assert {key for product in products for key in product} == {key for row in real for key in row}


def test_columns_of_datafiniti_include_those_of_the_real_file(samples, tmp_path):
    real = field_names("datafiniti", real_files("datafiniti/*.csv", tmp_path))
    assert set(real) <= set(samples("datafiniti").reviews[0]["record"])


def real_files(pattern: str, folder: Path) -> Path:
    """Copy the real file of a pattern to a folder; without real files, skip the test."""
    real = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not real:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    (path,) = (Path(real) / "formats").glob(pattern)
    (folder / path.name).write_bytes(path.read_bytes())
    return folder
