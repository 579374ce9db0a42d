"""Guesses of canonical fields from names and values."""

import pytest

from amazon_reviews.profiles.guesses import SYNONYMS, fields_by_name, guess_fields
from amazon_reviews.profiles.profile import CANONICAL_FIELDS, Source


def guessed(**values):
    """Return the guesses for fields that have these values in each record."""
    records = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return guess_fields("reviews", records)


@pytest.mark.parametrize("dataset", SYNONYMS)
def test_every_guessed_field_is_canonical(dataset):
    assert SYNONYMS[dataset].keys() <= {*CANONICAL_FIELDS[dataset]}


@pytest.mark.parametrize(
    ("canonical", "names"),
    [
        ("reviewerID", "user_id userId customerID Reviewer author UserName reviews.username"),
        ("asin", "product_id sku Item productId product/productId ISBN articleNumber"),
        ("overall", "rating Stars star_rating reviews.rating Review_Stars Score"),
        ("reviewText", "text body Comment reviewText review_body reviews.text Review"),
        ("summary", "title Headline review_title summary reviews.title"),
        ("verified", "verified verified_purchase isVerified reviews.didPurchase"),
        ("vote", "helpful likes votes helpful_votes reviews.numHelpful useful"),
        ("reviewTime", "date created_at reviewDate reviews.date submissionTime"),
        ("marketplace", "country marketplace Market"),
        ("language", "lang language"),
    ],
)
def test_common_names_are_synonyms(canonical, names):
    for name in names.split():
        assert fields_by_name("reviews", [name])[canonical] == [(name, True)], name


def test_a_name_that_only_holds_a_synonym_is_not_sure():
    assert fields_by_name("reviews", ["average rating"])["overall"] == [("average rating", False)]
    assert fields_by_name("reviews", ["helpful_no"])["vote"] == []
    assert fields_by_name("reviews", ["review_id"])["reviewText"] == []


def test_values_give_the_conversions():
    guesses = guessed(
        user=["A", "B"],
        stars=["5.0 out of 5 stars", "3.5 out of 5 stars"],
        helpful=["12 people found this helpful", "1,204 people found this helpful"],
        verified=["Oui", "Non"],
        time=[1_472_688_000_123, 1_472_688_000_124],
    )

    assert guesses["overall"].source == Source(field="stars", pattern=r"([0-5](?:\.[0-9]+)?)")
    assert guesses["vote"].source == Source(field="helpful", pattern="([0-9][0-9,]*)")
    assert guesses["verified"].source == Source(field="verified", true=("oui",), false=("non",))
    assert guesses["unixReviewTime"].source == Source(field="time", unit="milliseconds")
    assert all(guess.sure for guess in guesses.values())


@pytest.mark.parametrize(
    ("values", "source"),
    [
        (["1 July 2022", "14 March 2023"], Source(field="date")),
        (["26-Nov-21", "1-Dec-21"], Source(field="date")),
        (["2014-10-11 03:34:02", "2015-01-01 00:00:00"], Source(field="date")),
        (["31/12/2022", "01/02/2023"], Source(field="date", order="day month year")),
        (["12/31/2022", "01/02/2023"], Source(field="date", order="month day year")),
    ],
)
def test_dates_are_written_times_with_their_order(values, source):
    guesses = guessed(date=values)
    assert guesses["reviewTime"].source == source
    assert "unixReviewTime" not in guesses


def test_values_that_do_not_fit_make_a_guess_unsure_and_are_no_time():
    guesses = guessed(rating=["good", "bad"], date=["Unknown", "Unknown"], text=["1", "2"])

    assert not guesses["overall"].sure
    assert not guesses["reviewText"].sure
    assert "reviewTime" not in guesses


def test_stars_and_time_are_found_by_their_values_alone():
    guesses = guessed(c1=["5", "4"], c2=["2022-07-01", "2022-07-02"], c3=["x", "y"])

    assert (guesses["overall"].source.field, guesses["overall"].sure) == ("c1", False)
    assert (guesses["reviewTime"].source.field, guesses["reviewTime"].sure) == ("c2", False)


def test_a_field_has_one_meaning_but_a_name_may_be_the_reviewer():
    guesses = guessed(username=["Ann", "Ben"], title=["a", "b"], headline=["c", "d"])

    assert guesses["reviewerID"].source.field == guesses["reviewerName"].source.field == "username"
    assert guesses["summary"].source.field == "title"
    assert [g.source.field for g in guesses.values()].count("title") == 1


def test_records_without_fields_give_no_guesses():
    assert guess_fields("reviews", []) == {}
    assert guess_fields("products", [{"": "x"}, {"asin": None}])["asin"].examples == ()
