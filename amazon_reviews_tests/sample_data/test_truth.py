"""The truth of a sample, compared with an independent count."""

import json

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.sample_data.counting import (
    count_products,
    count_reviews,
    csv_rows,
    event_lines,
    partition_lines,
    partitions,
)


def test_truth_of_reviews_and_events_equals_a_count(sample):
    out, truth = sample
    gold = set()
    for partition in partitions(out / "amazon_reviews"):
        counts, identities = count_reviews(partition_lines(partition))
        assert counts == truth["reviews"][partition.name]
        gold |= identities
    assert truth["gold"]["reviews"] == len(gold)
    counts, streamed = count_reviews(event_lines(out))
    assert counts | {"by_file": len(streamed & gold)} == truth["events"]
    assert truth["gold"]["reviews_with_events"] == len(gold | streamed)
    assert truth["events"]["by_file"] > 0


def test_truth_of_products_equals_a_count(sample, options):
    out, truth = sample
    asins = set()
    folders = partitions(out / "amazon_metadata")
    assert len(folders) == 2
    for partition in folders:
        counts, lines = count_products(partition_lines(partition))
        assert counts == truth["products"][partition.name]
        asins |= {json.loads(line)["asin"] for line in lines}
    assert truth["gold"]["products"] == len(asins) == options.products


def test_truth_of_titles_and_ratings_equals_a_count(sample):
    out, truth = sample
    assert list(truth["titles"]) == ["amazon", "disney", "hulu", "netflix"]
    ids = set()
    for platform, expected in truth["titles"].items():
        (file,) = (out / "titles").glob(f"{platform}*")
        records = csv_rows(file)
        show_ids = {row["show_id"] for row in records}
        assert (len(records), len(show_ids)) == (expected["lines"], expected["distinct"])
        ids |= {platform[0] + show_id for show_id in show_ids}
    assert truth["gold"]["titles"] == len(ids)
    rated = set()
    for name, expected in truth["title_ratings"].items():
        records = csv_rows(out / "title_ratings" / f"{name}.csv.gz")
        ratings = {tuple(row.values()) for row in records}
        assert (len(records), len(ratings)) == (expected["lines"], expected["distinct"])
        assert {row["movieId"] for row in records} <= ids
        rated |= ratings
    assert truth["gold"]["title_ratings"] == len(rated)
    assert len(rated) < sum(expected["distinct"] for expected in truth["title_ratings"].values())


def test_truth_file_equals_the_returned_truth(sample):
    out, truth = sample
    assert json.loads((out / "truth.json").read_text()) == truth
    assert truth["seed"] == 3
    assert truth["options"]["duplicates_across"] == 0.02


def test_all_rejection_reasons_occur_and_counts_add_up(sample):
    _, truth = sample
    reviews = truth["reviews"].values()
    reasons = set().union(*(partition["rejected"] for partition in reviews))
    assert reasons == {
        *("not_json", "not_utf8", "not_an_object", "missing_field", "wrong_type", "out_of_range")
    }
    for part in (*reviews, *truth["products"].values(), truth["events"]):
        rejected = sum(part["rejected"].values())
        assert part["lines"] == part["distinct"] + part["duplicates_within"] + rejected


def test_defects_have_the_shares_of_the_options(sample, options):
    _, truth = sample
    reviews = truth["reviews"].values()
    assert sum(part["lines"] for part in reviews) == options.reviews
    within = sum(part["duplicates_within"] for part in reviews)
    rejected = sum(sum(part["rejected"].values()) for part in reviews)
    across = sum(part["distinct"] for part in reviews) - truth["gold"]["reviews"]
    assert within == 0.03 * options.reviews
    assert rejected == 0.02 * options.reviews
    assert across == pytest.approx(0.02 * options.reviews, rel=0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {"reviews": 1, "partitions": 1},
        {"reviews": 7, "partitions": 7, "duplicates_within": 0.2, "duplicates_across": 0.2},
        {"reviews": 400, "products": 1, "users": 1, "partitions": 3},
        {"reviews": 400, "products": 3, "users": 2, "partitions": 2, "files_per_partition": 5},
        {"reviews": 300, "users": 5_000, "partitions": 20, "events": 0},
        {"reviews": 300, "partitions": 1, "compress": False, "duplicates_across": 0.3},
        {"reviews": 20, "partitions": 2, "events": 900, "products": 30},
    ],
)
def test_truth_equals_a_count_for_extreme_options(tmp_path, changes):
    """Few users and products draw the same pair many times, and yet no two reviews are equal."""
    truth = generate(
        SampleOptions(**({"products": 20, "users": 10, "events": 60} | changes)), tmp_path
    )
    gold = set()
    for partition in partitions(tmp_path / "amazon_reviews"):
        counts, identities = count_reviews(partition_lines(partition))
        assert counts == truth["reviews"][partition.name]
        gold |= identities
    assert truth["gold"]["reviews"] == len(gold)
    for partition in partitions(tmp_path / "amazon_metadata"):
        counts, _ = count_products(partition_lines(partition))
        assert counts == truth["products"][partition.name]
    _, streamed = count_reviews(event_lines(tmp_path))
    assert truth["gold"]["reviews_with_events"] == len(gold | streamed)
