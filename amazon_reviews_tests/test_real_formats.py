"""Real files of every format that is known, compared with counts of plain readers."""

import csv
import os
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.intake import Intake
from amazon_reviews.pipeline.reconciliation import describe_wholly_rejected, reconcile_silver
from amazon_reviews.pipeline.review_products import build_review_products
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import BATCH_ROWS, rows


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Profile, stars from 1 to 5, first and last time.
REVIEW_FILES = {
    "amazon2014/reviews_Digital_Music_5.json.gz": (
        "amazon_2014",
        (1, 0, 4, 7, 30),
        ("2000-02-11", "2014-01-31"),
    ),
    "amazon2023/synthetic_form/reviews.jsonl": (
        "amazon_2023",
        (5, 2, 0, 3, 6),
        ("2023-11-14T22:13:20", "2023-11-14T22:33:20"),
    ),
    "aws/amazon_reviews_us_Gift_Card_v1_00.tsv": (
        "aws_customer_reviews",
        (29, 6, 17, 51, 763),
        ("2015-08-25", "2015-08-31"),
    ),
    "finefoods/Reviews.csv": (
        "fine_food",
        (41, 22, 42, 74, 359),
        ("2005-02-08", "2012-10-26"),
    ),
    "finefoods/snap/movies.sample.txt": (
        "snap",
        (2, 1, 10, 17, 59),
        ("2000-07-30", "2012-09-19"),
    ),
    "datafiniti/Datafiniti_Amazon_Consumer_Reviews_of_Amazon_Products.csv": (
        "datafiniti",
        (3, 5, 13, 81, 230),
        ("2016-08-26", "2018-09-15T16:34:29"),
    ),
    "marc/dataset_en_test.json": ("marc", (644, 0, 0, 0, 0), None),
    "marc/dataset_en_test_dev.json": ("marc", (11, 0, 0, 0, 0), None),
    "marc/dataset_en_train_dev.json": ("marc", (100, 0, 0, 0, 0), None),
    "yelp/yelp_academic_dataset_review.json": (
        "yelp",
        (38, 32, 28, 75, 109),
        ("2004-12-02T05:01:32", "2018-10-04T16:35:00"),
    ),
}
PRODUCT_FILES = {
    "amazon2014/meta_Digital_Music.json.gz": ("amazon_2014_products", 322),
    "amazon2023/meta_Health_and_Personal_Care.jsonl": ("amazon_2023_products", 125),
    "amazon2023/synthetic_form/products.jsonl": ("amazon_2023_products", 15),
}
SHOPS = {
    "shops/amazon_fr_semicolon.csv": """
profile: amazon_fr
dataset: reviews
fields:
  reviewerID: user_name
  asin: {constant: CL390}
  overall: stars
  reviewText: text
  summary: title
  vote: helpful
  reviewTime: date
  marketplace: country
""",
    "shops/trustpilot_reviews_companies.csv": """
profile: trustpilot
dataset: reviews
fields:
  reviewerID: {constant: anonymous}
  asin: Domain
  overall: Review Stars
  reviewText: Review Comment
""",
    "shops/bestbuy_reviews.csv": """
profile: bestbuy
dataset: reviews
fields:
  reviewerID: reviewer_name
  asin: {constant: fridge}
  overall: rating
  reviewText: review_text
  summary: title
""",
}
# What nothing in the file can be.
LACKING = {
    "alexa/amazon_alexa.tsv": "no field seems to be the reviewer or the product.",
    "kaggle_amazon_review/amazon_reviews_2021.csv": "no field seems to be the product.",
    "kaggle_amazon_review/amazon_reviews_2023.csv": "no field seems to be the product.",
    "shops/flipkart_reviews.csv": "no field seems to be the reviewer.",
    "shops/flipkart_APPLE_iPhone_SE.csv": "no field seems to be the reviewer or the product.",
    "shops/flipkart_amazon_reviews.parquet": "no field seems to be the reviewer or the product.",
    "shops/AllProductReviews.csv": "no field seems to be the reviewer.",
    "ratings/movielens_ratings.csv": "no field seems to be the text.",
}


@pytest.fixture(scope="module")
def formats():
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    return Path(folder) / "formats"


def copy(formats, landing, dataset, files):
    """Copy files below a dataset's folder, each to a partition of its own with its own name."""
    for number, file in enumerate(files):
        folder = landing / dataset.folder / str(number)
        folder.mkdir(parents=True)
        shutil.copy(formats / file, folder)
    return {file: str(number) for number, file in enumerate(files)}


@pytest.fixture(scope="module")
def built(spark, formats, tmp_path_factory):
    """All files in silver, with the partition of each."""
    root = tmp_path_factory.mktemp("formats")
    landing = root / "landing"
    own = root / "profiles"
    own.mkdir()
    names = {
        REVIEWS.name: copy(formats, landing, REVIEWS, [*REVIEW_FILES, *SHOPS, *LACKING]),
        PRODUCTS.name: copy(formats, landing, PRODUCTS, [*PRODUCT_FILES]),
    }
    beside, *others = SHOPS
    place = landing / REVIEWS.folder / names["reviews"][beside]
    (place / "profile.yaml").write_text(SHOPS[beside])
    for number, file in enumerate(others):
        (own / f"{number}.yaml").write_text(SHOPS[file])
    lakehouse = Lakehouse(location=str(root / "lakehouse"))
    zone = LandingZone(location=str(landing))
    counts = {}
    for dataset in (REVIEWS, PRODUCTS):
        partitions = list(names[dataset.name].values())
        for name in partitions:
            ingest(zone, lakehouse, dataset, name, Intake(own))
        counts[dataset.name] = dict(build_silver(spark, lakehouse, dataset, partitions, BATCH_ROWS))
    list(build_review_products(spark, lakehouse, [*names["reviews"].values()], BATCH_ROWS))
    return lakehouse, names, counts


def silver_rows(built, file, *columns, key="silver/reviews"):
    lakehouse, names, _ = built
    name = names[key.removeprefix("silver/").replace("review_products", "reviews")][file]
    return [row[1:] for row in rows(lakehouse, key, "partition", *columns) if row[0] == name]


@pytest.mark.parametrize("file", REVIEW_FILES)
def test_reviews_of_a_real_file_have_its_records_stars_and_times(built, file):
    profile, stars, times = REVIEW_FILES[file]
    _, names, counts = built
    count = counts["reviews"][names["reviews"][file]]

    actual = silver_rows(built, file, "overall", "reviewed_at", "profile")

    assert (count.lines, count.kept, count.duplicates) == (sum(stars), sum(stars), 0)
    by_stars = Counter(int(overall) for overall, *_ in actual)
    assert tuple(by_stars[number] for number in range(1, 6)) == stars
    assert {row[2] for row in actual} == {profile}
    written = [time for _, time, _ in actual if time]
    if times:
        assert len(written) == len(actual)
        assert (min(written), max(written)) == tuple(map(at, times))
    else:
        assert not written


@pytest.mark.parametrize("file", PRODUCT_FILES)
def test_products_of_a_real_file_are_kept(built, file):
    profile, products = PRODUCT_FILES[file]
    _, names, counts = built
    count = counts["products"][names["products"][file]]

    actual = silver_rows(built, file, "asin", "profile", key="silver/products")

    assert (count.lines, count.kept, count.rejected.total()) == (products, products, 0)
    assert len({asin for asin, _ in actual}) == products
    assert {name for _, name in actual} == {profile}


def test_values_of_real_reviews_are_those_of_plain_readers(built):
    columns = ("reviewer_id", "asin", "parent_asin", "vote", "helpful_total", "verified", "vine")
    aws = silver_rows(built, "aws/amazon_reviews_us_Gift_Card_v1_00.tsv", *columns, "marketplace")
    assert ("24371595", "B004LLIL5A", "346014806", 0, 0, True, False, "US") in aws
    music = silver_rows(built, "amazon2014/reviews_Digital_Music_5.json.gz", *columns)
    assert ("A23H9KY3Q1YJ2N", "5555991584", None, 3, 4, None, None) in music
    movies = silver_rows(built, "finefoods/snap/movies.sample.txt", *columns[:5])
    assert ("A141HP4LYPWMSR", "B003AI2VGA", None, 7, 7) in movies
    languages = silver_rows(built, "marc/dataset_en_test.json", "language")
    assert {*languages} == {("en",)}


def test_products_that_real_reviews_name_are_rows(built):
    gift_cards = silver_rows(
        built,
        "aws/amazon_reviews_us_Gift_Card_v1_00.tsv",
        "asin",
        "title",
        key="silver/review_products",
    )
    assert ("B004LLIL5A", "Amazon eGift Card - Celebrate") in gift_cards
    tablets = silver_rows(
        built,
        "datafiniti/Datafiniti_Amazon_Consumer_Reviews_of_Amazon_Products.csv",
        "asin",
        "brand",
        key="silver/review_products",
    )
    assert ("B00ZV9PXP2", "Amazon") in tablets


def test_a_shop_with_a_profile_beside_its_file_is_kept(built):
    file = next(iter(SHOPS))
    _, names, counts = built
    count = counts["reviews"][names["reviews"][file]]

    # One record of the file has another encoding than the others.
    assert (count.lines, count.kept, count.rejected) == (162, 161, {"not_utf8": 1})
    actual = silver_rows(built, file, "reviewer_id", "asin", "vote", "reviewed_at", "marketplace")
    assert ("Jeanne Mathias", "CL390", 4, at("2022-07-01"), "France") in actual
    times = [time for *_, time, _ in actual]
    assert (min(times), max(times)) == (at("2009-10-11"), at("2023-03-21"))


@pytest.mark.parametrize("file", [*SHOPS][1:])
def test_a_shop_with_a_profile_of_the_settings_is_kept(built, formats, file):
    _, names, counts = built
    count = counts["reviews"][names["reviews"][file]]
    with (formats / file).open(encoding="utf-8-sig", newline="") as lines:
        records = list(csv.DictReader(lines))
    texts = ("Domain", "Review Stars", "Review Comment", "rating", "review_text", "title")
    identities = [
        tuple(record.get(name) for name in texts)
        for record in records
        if record.get("Review Comment") or record.get("review_text") or record.get("title")
    ]

    assert count.kept == len({*identities})
    assert count.duplicates == len(identities) - len({*identities})
    assert count.rejected == Counter(missing_field=len(records) - len(identities))
    assert count.kept > 10


@pytest.mark.parametrize("file", LACKING)
def test_a_file_that_cannot_be_kept_names_what_it_lacks(built, file):
    lakehouse, names, counts = built
    name = names["reviews"][file]
    assert counts["reviews"][name].kept == 0

    (text,) = describe_wholly_rejected(lakehouse, reconcile_silver(lakehouse, REVIEWS, [name]))

    assert LACKING[file] in text
    assert Path(file).name in text
