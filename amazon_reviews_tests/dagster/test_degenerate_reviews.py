"""Reviews that are all alike in one way: every asset, report, endpoint and page works."""

import pytest

from amazon_reviews.resources.lakehouse.tables import row_count
from amazon_reviews_tests.dagster.partial import DATASETS, check_api, check_pages, check_reports
from amazon_reviews_tests.helpers import product, review, upload


def many(number, **fields):
    """Yield reviews of different users and products; without stars, every fourth has one star."""
    for n in range(number):
        given = {name: value(n) if callable(value) else value for name, value in fields.items()}
        default = {
            "reviewerID": f"A{n % 40}",
            "asin": f"B{n // 40}",
            "overall": 1 + 4 * (n % 4 > 0),
        }
        yield review(**(default | given))


DEGENERATE = {
    "one line without a date and without a text": [
        review(unixReviewTime=..., reviewText="", summary="")
    ],
    "one product": [review(reviewerID=f"A{n}", overall=1 + 2 * n) for n in range(3)],
    "one user who reviewed all": [review(asin=f"B{n}") for n in range(30)],
    "one day and the same stars": list(many(250, overall=4)),
    "texts that are empty, and no dates": list(
        many(250, reviewText="", summary="", unixReviewTime=...)
    ),
    "one text": list(many(250, reviewText="The same.", summary=...)),
    "unrated": list(many(5, overall=0)),
}


@pytest.mark.long
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_reviews_are_built_and_shown(project_of, name, monkeypatch):
    project = project_of(["absent"] * len(DATASETS))
    upload(project.landing, "amazon_reviews", "partition_1", *DEGENERATE[name])
    upload(project.landing, "amazon_metadata", "partition_1", product(asin="B0"))

    first = project.run("*")

    assert first.failures == []
    assert project.run("*").nothing_new
    assert row_count(project.lakehouse.delta("gold/reviews")) == len(DEGENERATE[name])
    check_reports(project)
    check_api(project)
    check_pages(project, monkeypatch)
