"""Gold depends only on the set of inputs, not on their order."""

import shutil
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.errors import MissingInputError
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.gold import GoldCounts, build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.recommender.matrices import make_interactions
from amazon_reviews.pipeline.reconciliation import Reconciliation, reconcile_all, reconcile_gold
from amazon_reviews.resources.lakehouse.scans import partitions_with_values
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import (
    BATCH_ROWS,
    build_gold_all,
    build_silver_all,
    content,
    ingest_all,
    product,
    put_silver,
    review,
    rows,
    upload,
)

P1, P2, P3, P10 = "partition_1", "partition_2", "partition_3", "partition_10"
SILVER = {P1: "ad", P2: "abf", P3: "ab", P10: "acb"}
GOLD = [("a", P1), ("b", P2), ("c", P10), ("d", P1), ("f", P2)]
ORDERS = [(*order, P3) for order in permutations([P1, P2, P10])]
DUPLICATES = [("a", P1, P10), ("a", P1, P2), ("a", P1, P3), ("b", P2, P10), ("b", P2, P3)]


def put_reviews(lakehouse, partition, ids, **fields):
    records = [
        {"review_id": name, "asin": f"B{name}", "review_text": f"About {name}"} | fields
        for name in ids
    ]
    put_silver(lakehouse, "silver/reviews", partition, records)


def put_products(lakehouse, partition, *records):
    """Put products given as (asin, title, completeness, category, price) into silver."""
    names = ("asin", "title", "completeness", "main_category", "price")
    products = [dict(zip(names, record, strict=False)) for record in records]
    put_silver(
        lakehouse,
        "silver/products",
        partition,
        [{"line_id": f"{partition}/{n}"} | record for n, record in enumerate(products)],
    )


def build_gold(spark, lakehouse, *partitions):
    return dict(build_gold_reviews(spark, lakehouse, partitions, BATCH_ROWS))


def gold(lakehouse):
    """Return reviews and duplicates in gold, after a check of the texts of the reviews."""
    reviews = rows(lakehouse, "gold/reviews", "review_id", "partition")
    texts = rows(lakehouse, "gold/reviews", "review_id", "review_text")
    assert texts == [(name, f"About {name}") for name, _ in reviews]
    return reviews, rows(lakehouse, "gold/duplicates", "id", "kept_in", "partition")


def assert_balanced(lakehouse):
    reconciliations = [row for row in reconcile_all(lakehouse) if row.layer == "gold"]
    assert reconciliations
    assert [row for row in reconciliations if not row.balanced] == []


@pytest.fixture
def whole(spark, lakehouse):
    """A lakehouse in which all four partitions were built together."""
    for partition, ids in SILVER.items():
        put_reviews(lakehouse, partition, ids)
    build_gold(spark, lakehouse, *SILVER)
    return lakehouse


def test_partitions_built_together_keep_the_earliest_review(whole):
    assert gold(whole) == (GOLD, DUPLICATES)
    assert_balanced(whole)


def test_duckdb_reads_the_same_gold(whole):
    files = [Path(whole.uri("gold/reviews")) / path for path in file_names(whole)]

    table = duckdb.read_parquet([str(path) for path in files], hive_partitioning=True)

    assert sorted(table.project("review_id, partition").fetchall()) == GOLD


def file_names(lakehouse, key="gold/reviews"):
    return pa.table(lakehouse.delta(key).get_add_actions())["path"].to_pylist()


@pytest.mark.parametrize("order", ORDERS)
def test_partitions_built_as_they_arrive_give_the_same_gold(spark, lakehouse, order):
    for partition in order:
        put_reviews(lakehouse, partition, SILVER[partition])
        build_gold(spark, lakehouse, partition)
        assert_balanced(lakehouse)

    assert gold(lakehouse) == (GOLD, DUPLICATES)
    assert_balanced(lakehouse)


@pytest.mark.parametrize("order", ORDERS)
def test_partitions_built_one_by_one_from_full_silver_give_the_same_gold(spark, lakehouse, order):
    for partition, ids in SILVER.items():
        put_reviews(lakehouse, partition, ids)

    for partition in order:
        build_gold(spark, lakehouse, partition)

    assert gold(lakehouse) == (GOLD, DUPLICATES)
    assert_balanced(lakehouse)


@pytest.mark.parametrize("batch_rows", [1, BATCH_ROWS])
@pytest.mark.parametrize(
    "ranges", [[(P1, P2), (P3, P10)], [(P3, P10), (P1, P2)], [(P2, P3), (P1,), (P10,)]]
)
def test_ranges_of_partitions_give_the_same_gold(spark, lakehouse, ranges, batch_rows):
    for names in ranges:
        for partition in names:
            put_reviews(lakehouse, partition, SILVER[partition])
        dict(build_gold_reviews(spark, lakehouse, names, batch_rows))

    assert gold(lakehouse) == (GOLD, DUPLICATES)
    assert_balanced(lakehouse)


def test_second_build_of_gold_changes_nothing(spark, whole):
    before = {key: content(whole, key) for key in ("gold/reviews", "gold/duplicates")}

    build_gold(spark, whole, P2)
    build_gold(spark, whole, *SILVER)

    assert {key: content(whole, key) for key in before} == before


def test_late_but_earlier_partition_takes_its_reviews(spark, whole):
    put_reviews(whole, "partition_0", "abcz")

    reports = build_gold(spark, whole, "partition_0")

    assert reports == {
        "partition_0": GoldCounts(lines=4, kept=4, duplicates=0),
        P1: GoldCounts(lines=2, kept=1, duplicates=1),
        P2: GoldCounts(lines=3, kept=1, duplicates=2),
        P10: GoldCounts(lines=3, kept=0, duplicates=3),
    }
    kept = {("a", "partition_0"), ("b", "partition_0"), ("c", "partition_0"), ("z", "partition_0")}
    assert set(gold(whole)[0]) == kept | {("d", P1), ("f", P2)}
    assert_balanced(whole)


def test_review_lost_by_its_partition_returns_to_the_next(spark, whole):
    put_reviews(whole, P1, "dx")

    reports = build_gold(spark, whole, P1)

    assert list(reports) == [P1, P2]
    assert gold(whole) == (
        [("a", P2), ("b", P2), ("c", P10), ("d", P1), ("f", P2), ("x", P1)],
        [("a", P2, P10), ("a", P2, P3), ("b", P2, P10), ("b", P2, P3)],
    )
    assert_balanced(whole)


def test_partition_of_duplicates_only_regains_its_reviews(spark, lakehouse):
    put_reviews(lakehouse, P1, "ab")
    put_reviews(lakehouse, P2, "ab")
    build_gold(spark, lakehouse, P1, P2)
    put_reviews(lakehouse, P1, "b")

    reports = build_gold(spark, lakehouse, P1)

    assert reports[P2] == GoldCounts(lines=2, kept=1, duplicates=1)
    assert gold(lakehouse) == ([("a", P2), ("b", P1)], [("b", P1, P2)])


def test_emptied_partition_returns_all_its_reviews(spark, whole):
    put_reviews(whole, P1, "")

    reports = build_gold(spark, whole, P1)

    assert reports[P1] == GoldCounts(0, 0, 0)
    assert gold(whole)[0] == [("a", P2), ("b", P2), ("c", P10), ("f", P2)]
    assert_balanced(whole)


def test_line_moved_within_its_file_stays_the_same_review(spark, whole):
    put_reviews(whole, P10, "bxca")

    build_gold(spark, whole, P10)

    assert gold(whole) == (sorted([*GOLD, ("x", P10)]), DUPLICATES)


def test_only_changed_partitions_are_written(spark, whole):
    before = set(file_names(whole))
    put_reviews(whole, P1, "d")

    build_gold(spark, whole, P1)

    written = {path for path in before ^ set(file_names(whole)) if P3 in path or f"{P10}/" in path}
    assert written == set()
    assert any(f"{P2}/" in path for path in before - set(file_names(whole)))


def test_partition_is_not_built_before_it_is_requested(spark, lakehouse):
    put_reviews(lakehouse, P1, "a")
    put_reviews(lakehouse, P2, "b")

    assert list(build_gold(spark, lakehouse, P1)) == [P1]
    assert gold(lakehouse)[0] == [("a", P1)]


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    uploads=st.lists(
        st.dictionaries(
            st.sampled_from([P1, P2, P3, P10]), st.sets(st.sampled_from("abcde")), min_size=1
        ),
        min_size=2,
        max_size=5,
    )
)
def test_gold_of_any_uploads_in_any_order_is_as_expected(spark, tmp_path_factory, uploads):
    lakehouse = Lakehouse(location=str(tmp_path_factory.mktemp("gold")))
    silver = {}
    for upload_of_ids in uploads:
        silver |= upload_of_ids
        for partition, ids in upload_of_ids.items():
            put_reviews(lakehouse, partition, sorted(ids))
        build_gold(spark, lakehouse, *upload_of_ids)

        assert gold(lakehouse) == expected(silver)
        assert_balanced_if_any(lakehouse, silver)


def assert_balanced_if_any(lakehouse, silver):
    if any(silver.values()):
        assert_balanced(lakehouse)


def expected(silver):
    """Return the expected content of gold, computed partition by partition."""
    kept_in = {}
    duplicates = []
    for partition in sorted(silver, key=lambda name: int(name.removeprefix("partition_"))):
        for name in silver[partition]:
            if kept_in.setdefault(name, partition) != partition:
                duplicates.append((name, kept_in[name], partition))
    return sorted(kept_in.items()), sorted(duplicates)


def test_reviews_are_joined_with_their_products_once(spark, lakehouse):
    put_reviews(lakehouse, P1, "ab")
    put_reviews(lakehouse, P2, "c", asin="Ba")
    put_products(lakehouse, P1, ("Ba", "Poor", 1, "Garden", Decimal("1.00")), ("Bx", "Other", 9))
    put_products(lakehouse, P2, ("Ba", "Rich", 5, "Garden", Decimal("2.50")), ("Ba", "Rich", 5))

    build_gold_products(spark, lakehouse)
    build_gold(spark, lakehouse, P1, P2)

    columns = ("review_id", "title", "main_category", "price", "price_imputed")
    assert rows(lakehouse, "gold/reviews", *columns) == [
        ("a", "Rich", "Garden", Decimal("2.50"), False),
        ("b", None, None, None, None),
        ("c", "Rich", "Garden", Decimal("2.50"), False),
    ]


def test_reviews_without_products_are_kept(spark, whole):
    assert rows(whole, "gold/reviews", "title") == [(None,)] * len(GOLD)


def test_gold_has_the_best_row_of_each_product(spark, lakehouse):
    put_products(lakehouse, P10, ("B1", "ten", 5), ("B2", "ten", 1), ("B3", "ten", 1))
    put_products(lakehouse, P2, ("B1", "two", 5), ("B2", "two", 3), ("B2", "again", 3))

    build_gold_products(spark, lakehouse)

    assert rows(lakehouse, "gold/products", "asin", "title", "partition", "line") == [
        ("B1", "two", P2, 1),
        ("B2", "two", P2, 2),
        ("B3", "ten", P10, 3),
    ]
    assert rows(lakehouse, "gold/duplicates", "id", "kept_in", "table", "partition", "line") == [
        ("B1", P2, "products", P10, 1),
        ("B2", P2, "products", P10, 2),
        ("B2", P2, "products", P2, 3),
    ]
    assert list(reconcile_gold(lakehouse, PRODUCTS)) == [
        Reconciliation("gold", "products", P2, lines=3, kept=2, duplicates=1, rejected=0),
        Reconciliation("gold", "products", P10, lines=3, kept=1, duplicates=2, rejected=0),
    ]
    assert_balanced(lakehouse)


def test_duplicates_of_products_and_reviews_are_separate(spark, whole):
    put_products(whole, P1, ("B1", "one", 2), ("B1", "two", 1))
    build_gold_products(spark, whole)
    build_gold(spark, whole, P2)

    assert rows(whole, "gold/duplicates", "table", "id", "partition")[:1] == [
        ("products", "B1", P1)
    ]
    assert list(reconcile_gold(whole, PRODUCTS)) == [
        Reconciliation("gold", "products", P1, lines=2, kept=1, duplicates=1, rejected=0)
    ]
    assert sum(row.duplicates for row in reconcile_gold(whole, REVIEWS)) == len(DUPLICATES)


def test_missing_price_becomes_the_mean_of_its_category_then_of_all(spark, lakehouse):
    put_products(
        lakehouse,
        P1,
        ("B1", "t", 1, "Garden", Decimal("1.00")),
        ("B2", "t", 1, "Garden", Decimal("2.01")),
        ("B3", "t", 1, "Garden", None),
        ("B4", "t", 1, "Toys", None),
        ("B5", "t", 1, "Books", Decimal("9.00")),
    )

    build_gold_products(spark, lakehouse)

    assert rows(lakehouse, "gold/products", "asin", "price", "price_imputed") == [
        ("B1", Decimal("1.00"), False),
        ("B2", Decimal("2.01"), False),
        ("B3", Decimal("1.51"), True),
        ("B4", Decimal("4.00"), True),
        ("B5", Decimal("9.00"), False),
    ]


@pytest.mark.parametrize("state", ["deleted", "empty"])
def test_empty_silver_does_not_empty_gold_products(spark, lakehouse, state):
    put_products(lakehouse, P1, ("B1", "t", 1))
    build_gold_products(spark, lakehouse)
    version = lakehouse.version("gold/products")
    if state == "empty":
        put_products(lakehouse, P1)
    else:
        shutil.rmtree(lakehouse.uri("silver/products"))

    with pytest.raises(MissingInputError, match="silver/products is empty; materialize it first"):
        build_gold_products(spark, lakehouse)

    assert lakehouse.version("gold/products") == version


def test_silver_without_lines_of_bronze_does_not_empty_gold_products(spark, landing, lakehouse):
    upload(landing, "amazon_metadata", P1, product())
    ingest_all(landing, lakehouse, PRODUCTS)

    with pytest.raises(MissingInputError, match="silver/products is empty; materialize it first"):
        build_gold_products(spark, lakehouse)

    assert not lakehouse.exists("gold/products")


def test_gold_products_are_empty_if_all_lines_are_rejected(spark, landing, lakehouse):
    upload(landing, "amazon_metadata", P1, product())
    build_silver_all(spark, landing, lakehouse, PRODUCTS)
    build_gold_products(spark, lakehouse)
    upload(landing, "amazon_metadata", P1, '{"asin": "B1"')
    build_silver_all(spark, landing, lakehouse, PRODUCTS)

    build_gold_products(spark, lakehouse)

    assert rows(lakehouse, "gold/products", "asin") == []


def test_missing_silver_does_not_empty_gold_reviews(spark, lakehouse):
    with pytest.raises(MissingInputError, match="silver/reviews"):
        build_gold(spark, lakehouse, P1)


def test_unbalanced_partition_is_reported(spark, whole):
    put_reviews(whole, P2, "abfg")

    unbalanced = [row for row in reconcile_all(whole) if row.layer == "gold" and not row.balanced]

    assert unbalanced == [
        Reconciliation("gold", "reviews", P2, lines=4, kept=2, duplicates=1, rejected=0)
    ]


def test_gold_of_a_sample_agrees_with_its_truth(spark, tmp_path):
    options = SampleOptions(
        reviews=1_000,
        products=80,
        users=100,
        partitions=10,
        events=0,
        seed=5,
        duplicates_within=0.05,
        duplicates_across=0.05,
        malformed=0.02,
    )
    truth = generate(options, tmp_path / "landing")
    lakehouse = Lakehouse(location=str(tmp_path / "lakehouse"))

    build_gold_all(spark, LandingZone(location=str(tmp_path / "landing")), lakehouse)

    ids = [row[0] for row in rows(lakehouse, "gold/reviews", "review_id")]
    asins = [row[0] for row in rows(lakehouse, "gold/products", "asin")]
    assert (len(ids), len(set(ids))) == (truth["gold"]["reviews"], truth["gold"]["reviews"])
    assert (len(asins), len(set(asins))) == (truth["gold"]["products"], truth["gold"]["products"])
    reconciliations = reconcile_all(lakehouse)
    assert {row.layer for row in reconciliations} == {"bronze", "silver", "gold"}
    assert all(row.balanced for row in reconciliations)
    assert sum(row.duplicates for row in reconciliations if row.layer == "gold") > 0


def test_a_variant_has_the_product_of_its_family_where_the_catalogue_has_it(spark, lakehouse):
    put_products(lakehouse, P1, ("BF", "Mug", 3), ("BX", "Pan", 3))
    for name, asin, family in (
        ("a", "BF1", "BF"),
        ("b", "BF2", "BF"),
        ("c", "BX", "unknown"),
        ("d", "BX", None),
        ("e", "BY", "unknown"),
    ):
        put_reviews(lakehouse, f"partition_{ord(name)}", [name], asin=asin, parent_asin=family)
    names = [f"partition_{ord(name)}" for name in "abcde"]
    build_gold_products(spark, lakehouse)
    build_gold(spark, lakehouse, *names)

    columns = ("review_id", "asin", "product_asin", "title")
    assert rows(lakehouse, "gold/reviews", *columns) == [
        ("a", "BF1", "BF", "Mug"),
        ("b", "BF2", "BF", "Mug"),
        ("c", "BX", "BX", "Pan"),
        ("d", "BX", "BX", "Pan"),
        ("e", "BY", "BY", None),
    ]


def test_a_user_has_one_rating_of_the_variants_of_a_product(spark, lakehouse):
    put_products(lakehouse, P1, ("BF", "Mug", 3))
    usual = {"reviewer_id": "A1", "parent_asin": "BF"}
    put_reviews(lakehouse, P1, ["a"], asin="BF1", overall=Decimal(2), **usual)
    put_reviews(lakehouse, P2, ["b"], asin="BF2", overall=Decimal(4), **usual)
    build_gold_products(spark, lakehouse)
    build_gold(spark, lakehouse, P1, P2)

    make_interactions(spark, lakehouse)

    columns = ("reviewer_id", "asin", "rating", "reviews")
    (row,) = rows(lakehouse, "gold/recommender_interactions", *columns)
    assert row == ("A1", "BF", 4, 2)


def test_families_are_looked_up_only_for_partitions_that_name_some(spark, landing, lakehouse):
    upload(landing, "amazon_reviews", P1, review())
    of_family = review(user_id="A9", rating=4.0, parent_asin="BF", title="t", text="x")
    keys = ("user_id", "rating", "parent_asin", "asin", "title", "text")
    upload(landing, "amazon_reviews", P2, {key: of_family[key] for key in keys})
    build_silver_all(spark, landing, lakehouse, REVIEWS)

    silver = lakehouse.delta("silver/reviews")

    assert partitions_with_values(silver, "parent_asin") == {P2}
    assert partitions_with_values(silver, "asin") == {P1, P2}
    assert partitions_with_values(silver, "language") == set()
