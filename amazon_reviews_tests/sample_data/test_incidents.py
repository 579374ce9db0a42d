"""Incidents of a sample: the reviews of the products that truth.json lists."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.sample_data.counting import partition_lines, partitions, review_rejection

OPTIONS = SampleOptions(
    reviews=4_000, products=60, users=200, partitions=2, events=0, titles=0, title_ratings=0
)


def rated(out):
    """Return asin, day and stars of the valid reviews of the files."""
    for partition in partitions(out / "amazon_reviews"):
        for line in partition_lines(partition):
            if not review_rejection(line):
                record = json.loads(line)
                day = datetime.fromtimestamp(record["unixReviewTime"], UTC).date()
                yield record["asin"], day, record["overall"]


def mean(stars):
    stars = [number for number in stars if number]
    assert len(stars) >= 10
    return sum(stars) / len(stars)


def test_stars_drop_in_the_period_of_each_incident(tmp_path):
    truth = generate(replace(OPTIONS, incidents=5), tmp_path / "sample")
    rows = [*rated(tmp_path / "sample")]

    assert len({incident["asin"] for incident in truth["incidents"]}) == 5
    assert truth["incidents"][0]["ends_on"] == "2018-10-02"
    assert truth["options"]["incidents"] == 5
    for incident in truth["incidents"]:
        first, last = (date.fromisoformat(incident[name]) for name in ("begins_on", "ends_on"))
        of_product = [(day, stars) for asin, day, stars in rows if asin == incident["asin"]]
        during = mean(stars for day, stars in of_product if first <= day <= last)
        before = mean(stars for day, stars in of_product if day < first)
        assert during < before - 1, incident


def test_truth_of_a_sample_without_incidents_has_none(tmp_path):
    with_incidents = generate(replace(OPTIONS, incidents=5), tmp_path / "a")
    without = generate(OPTIONS, tmp_path / "b")

    assert "incidents" not in {*without, *without["options"]}
    assert without["reviews"] == with_incidents["reviews"]


def test_more_incidents_than_products_are_refused():
    with pytest.raises(ValueError, match=r"incidents must be at most products \(60\), got 61"):
        replace(OPTIONS, incidents=61)
