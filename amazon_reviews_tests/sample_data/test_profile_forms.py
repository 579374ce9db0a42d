"""Names, fields, types and quirks of the files of each profile."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.sample_data.plain_readers import field_names, files_of, read_products
from amazon_reviews_tests.sample_data.profile_samples import OPTIONS


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
    products = sample.products()
    for product in products:
        assert "asin" not in product
        assert product["bought_together"] is None
        assert 0 <= product["average_rating"] <= 5
        assert product["rating_number"] > reviews[product["parent_asin"]]
    assert {type(product["price"]) for product in products} == {float, str, type(None)}
    assert any(product["details"].get("Best Sellers Rank") for product in products)
    assert {"AMAZON FASHION", None} < {product["main_category"] for product in products}
    assert any(product["images"] and product["images"][0]["hi_res"] for product in products)


def test_products_of_2014_have_keys_that_differ(samples):
    products = samples("amazon_2014").products()
    assert len({tuple(product) for product in products}) > 5
    assert any("also_bought" in product.get("related", {}) for product in products)
    assert all(isinstance(product.get("price", 1.0), float) for product in products)


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
    products = samples(profile).products()
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
