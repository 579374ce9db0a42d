"""Products that reviews name: silver/review_products, and their way into gold."""

import pytest

from amazon_reviews.pipeline import records
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.gold import build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.reconciliation import reconcile_gold
from amazon_reviews.pipeline.review_products import build_review_products
from amazon_reviews_tests.helpers import (
    BATCH_ROWS,
    build_silver_all,
    product,
    review,
    rows,
    upload,
    upload_bytes,
)

HEADER = (
    "marketplace customer_id review_id product_id product_parent product_title product_category "
    "star_rating helpful_votes total_votes vine verified_purchase review_headline review_body "
    "review_date"
).split()
NAME = "aws"


def aws(user, product_id, title):
    fields = ["US", user, f"R{user}", product_id, "77", title, "Kitchen", "5", "1", "2", "N", "Y"]
    return "\t".join([*fields, f'"{user}"', "Works.", "2015-08-31"])


def build(spark, landing, lakehouse):
    build_silver_all(spark, landing, lakehouse, PRODUCTS)
    names = [*build_silver_all(spark, landing, lakehouse, REVIEWS)]
    built = dict(build_review_products(spark, lakehouse, names, BATCH_ROWS))
    build_gold_products(spark, lakehouse)
    list(build_gold_reviews(spark, lakehouse, names, BATCH_ROWS))
    return built


@pytest.fixture
def landed(landing):
    lines = [aws("u1", "K1", "Kettle"), aws("u2", "K1", "Kettle"), aws("u3", "B9", "Cup")]
    content = "\n".join(["\t".join(HEADER), *lines]).encode()
    upload_bytes(landing, "amazon_reviews", NAME, content, "reviews.tsv")
    upload(landing, "amazon_reviews", "plain", review(asin="B9"))
    upload(landing, "amazon_metadata", NAME, product(asin="B9", title="Mug"))
    return landing


def test_products_of_reviews_complete_the_catalogue_and_are_reconciled(spark, landed, lakehouse):
    built = build(spark, landed, lakehouse)

    assert built == {NAME: 2, "plain": 0}
    assert rows(lakehouse, "gold/products", "asin", "title", "partition") == [
        ("B9", "Mug", NAME),
        ("K1", "Kettle", f"reviews/{NAME}"),
    ]
    titles = rows(lakehouse, "gold/reviews", "reviewer_id", "summary", "title")
    assert ("u1", '"u1"', "Kettle") in titles
    accounts = {a.partition: a for a in reconcile_gold(lakehouse, PRODUCTS)}
    assert all(account.balanced for account in accounts.values())
    of_reviews = accounts[f"reviews/{NAME}"]
    assert (of_reviews.lines, of_reviews.kept, of_reviews.duplicates) == (2, 1, 1)


@pytest.mark.long
def test_partition_of_another_profile_names_no_product_any_more(spark, landed, lakehouse):
    build(spark, landed, lakehouse)
    upload(landed, "amazon_reviews", NAME, review(asin="K1"), file="reviews.tsv")

    assert build(spark, landed, lakehouse) == {NAME: 0, "plain": 0}
    assert rows(lakehouse, "gold/products", "asin") == [("B9",)]


def test_file_of_many_columns_is_read_in_parts_with_the_same_rows(
    spark, landing, lakehouse, monkeypatch
):
    names = [*HEADER, *(f"more_{number}" for number in range(30))]
    lines = [aws(f"u{n}", "K1", "Kettle") + "\tx" * 30 for n in range(25)]
    content = "\n".join(["\t".join(names), *lines]).encode()
    upload_bytes(landing, "amazon_reviews", NAME, content, "reviews.tsv")
    build_silver_all(spark, landing, lakehouse, REVIEWS)
    columns = ("review_id", "reviewer_id", "line", "rescued")
    whole = rows(lakehouse, "silver/reviews", *columns)
    bronze = lakehouse.read(spark, "bronze/reviews")
    assert len(records.cleaned_parts(REVIEWS, bronze)) == 1

    monkeypatch.setattr(records, "_MANY_COLUMNS", 40)
    monkeypatch.setattr(records, "_FIELDS_AT_ONCE", 450)
    assert len(records.cleaned_parts(REVIEWS, bronze)) == 3
    build_silver_all(spark, landing, lakehouse, REVIEWS)

    assert len(whole) == 25
    assert rows(lakehouse, "silver/reviews", *columns) == whole
    assert len(dict(whole[0][3])) == 31
