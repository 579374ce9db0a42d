"""Column profile of the source, which silver counts while it is written."""

from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.transforms.lines import FIELDS_OF_NUMBER, count_missing, parse_lines
from amazon_reviews_tests.helpers import build_silver_all, content, product, review, rows, upload


def profile(lakehouse, dataset=REVIEWS):
    """Return lines and missing by partition and column."""
    counts = rows(lakehouse, dataset.columns, "partition", "column", "lines", "missing")
    return {(partition, column): pair for partition, column, *pair in counts}


def test_lines_that_are_objects_count_also_if_they_are_rejected_or_repeated(
    spark, landing, lakehouse
):
    upload(landing, "amazon_reviews", "one", review(), review(), review(asin=None), "[1]", "{")
    upload(landing, "amazon_reviews", "two", "no review")
    build_silver_all(spark, landing, lakehouse, REVIEWS)

    found = profile(lakehouse)

    assert found["one", "asin"] == [3, 1]
    assert found["one", "overall"] == [3, 0]
    assert found["two", "overall"] == [0, 0]


def test_absent_null_and_empty_values_are_missing(spark, landing, lakehouse):
    lines = [
        review(vote=vote) for vote in (None, "", " \t", "[]", "{} ", [], {}, "0", "[1]", "x[]")
    ]
    del lines[0]["vote"]
    upload(landing, "amazon_reviews", "one", *lines)
    build_silver_all(spark, landing, lakehouse, REVIEWS)

    assert profile(lakehouse)["one", "vote"] == [10, 7]


def test_a_partition_with_files_of_two_profiles_has_the_columns_of_both(spark, landing, lakehouse):
    upload(landing, "amazon_reviews", "one", review(vote="3"), review(asin="B2"), file="a.json")
    of_2023 = {
        "rating": 4.0, "title": "Good", "text": "Works.", "images": [], "asin": "B3",
        "parent_asin": "B3", "user_id": "u", "timestamp": 1588687728923, "helpful_vote": 0,
        "verified_purchase": True,
    }  # fmt: skip
    upload(landing, "amazon_reviews", "one", of_2023, file="b.jsonl")
    build_silver_all(spark, landing, lakehouse, REVIEWS)

    found = profile(lakehouse)

    assert found["one", "asin"] == [3, 0]
    assert found["one", "vote"] == [2, 1]
    assert found["one", "user_id"] == [1, 0]


def test_products_have_a_profile_and_a_rebuild_replaces_it(spark, landing, lakehouse):
    upload(landing, "amazon_metadata", "one", product(), product(asin="B2", brand=""))
    build_silver_all(spark, landing, lakehouse, PRODUCTS)
    first = content(lakehouse, PRODUCTS.columns)

    build_silver_all(spark, landing, lakehouse, PRODUCTS)

    assert profile(lakehouse, PRODUCTS)["one", "brand"] == [2, 1]
    assert content(lakehouse, PRODUCTS.columns) == first


def test_more_fields_than_bits_of_a_number(spark):
    names = [f"f{n}" for n in range(2 * FIELDS_OF_NUMBER + 3)]
    empty = {0, FIELDS_OF_NUMBER - 1, FIELDS_OF_NUMBER, 2 * FIELDS_OF_NUMBER + 2}
    line = ", ".join(f'"{name}": "{"" if n in empty else "x"}"' for n, name in enumerate(names))
    lines = [(f"{{{line}}}", "utf-8", "a.json", 1, "one")]
    columns = "raw string, encoding string, file string, line bigint, partition string"
    parsed = parse_lines(spark.createDataFrame(lines, columns), names)

    (row,) = count_missing(parsed.groupBy("partition"), len(names)).collect()

    assert {n for n in range(len(names)) if row[f"missing_{n}"]} == empty
