"""Samples of every profile, compared with truth.json and with the sample of amazon_2018."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.sample_data.counting import (
    count_reviews,
    digest,
    event_lines,
    partitions,
)
from amazon_reviews_tests.sample_data.plain_readers import Record, read_products
from amazon_reviews_tests.sample_data.profile_samples import (
    CATALOGUES,
    JSON_LINES,
    OPTIONS,
    OTHERS,
    SAME_IDS,
)


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
