"""Source profiles that people add: which partitions a run reads again because of them."""

import pytest

from amazon_reviews_tests.dagster.project import Project
from amazon_reviews_tests.helpers import review, rows, upload, upload_bytes

SELECTION = (
    'key:"bronze/reviews" or key:"silver/reviews" or key:"silver/review_products" '
    'or key:"gold/products" or key:"gold/reviews"'
)
SHOP = "who;what;points;words\nAnn;K1;5;tr\x8as bon\n".encode("latin-1")  # cp850: très bon
PROFILE = """
profile: shop
dataset: reviews
fields: {reviewerID: who, asin: what, overall: points, reviewText: words}
file: {charset: cp850}
"""


@pytest.fixture
def shop(tmp_path, spark):
    """A project with a known file, one of a shop, and an empty folder of profiles."""
    (tmp_path / "profiles").mkdir()
    project = Project(tmp_path, AMAZON_REVIEWS_PROFILES=str(tmp_path / "profiles"))
    upload(project.landing, "amazon_reviews", "known", review())
    upload_bytes(project.landing, "amazon_reviews", "shop", SHOP, "export.csv")
    return project


def read_again(outcome):
    return {stage.name: stage.partitions for stage, _ in outcome.stages if "bronze" in stage.name}


def test_partition_that_no_profile_fits_is_read_again_when_the_profiles_change(shop):
    first = shop.run(SELECTION)
    (failure,) = first.failures
    assert failure.startswith("silver/reviews shop: 0 of 1 lines could be used")
    assert "who, what, points, words" in failure
    assert shop.run(SELECTION).stages == []

    profile = shop.root / "profiles" / "shop.yaml"
    profile.write_text(PROFILE)
    second = shop.run(SELECTION)

    assert (second.failures, read_again(second)) == ([], {"bronze/reviews": ("shop",)})
    kept = rows(shop.lakehouse, "gold/reviews", "profile", "review_text", "partition")
    assert ("shop", "très bon", "shop") in kept
    assert shop.run(SELECTION).nothing_new

    profile.write_text(PROFILE.replace("reviewText: words", "summary: words"))
    assert read_again(shop.run(SELECTION)) == {"bronze/reviews": ("shop",)}
    assert ("shop", "très bon") in rows(shop.lakehouse, "gold/reviews", "profile", "summary")
    assert shop.run(SELECTION).nothing_new


def test_invalid_profile_is_named_and_stops_no_other_partition(shop):
    (shop.root / "profiles" / "shop.yaml").write_text("profile: shop\ndataset: reviews\n")

    failures = shop.run(SELECTION).failures

    assert any("shop.yaml: line 1: fields is missing" in failure for failure in failures)


def test_profile_beside_the_data_belongs_to_its_partition(shop):
    shop.run(SELECTION)
    beside = shop.root / "landing" / "amazon_reviews" / "shop" / "profile.yaml"
    beside.write_text(PROFILE)

    assert read_again(shop.run(SELECTION)) == {"bronze/reviews": ("shop",)}
    assert ("shop", "très bon") in rows(shop.lakehouse, "gold/reviews", "profile", "review_text")
