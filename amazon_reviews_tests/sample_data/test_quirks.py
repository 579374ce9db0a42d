"""Quirks of the sources that a sample reproduces, and statistical properties of its reviews."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.devtools.sample_data.reviews import Reviews
from amazon_reviews.devtools.sample_data.variants import public
from amazon_reviews_tests.sample_data.counting import (
    REVIEW_KEYS,
    csv_rows,
    event_lines,
    identity,
    partition_lines,
    partitions,
    product_rejection,
    review_rejection,
    valid_products,
)


@pytest.fixture(scope="module")
def products(sample):
    """The valid rows of the metadata."""
    out, _ = sample
    return valid_products(out)


def test_titles_have_the_quirks_of_the_source(tmp_path):
    options = SampleOptions(reviews=1, products=1, users=1, partitions=1, events=0, titles=400)
    generate(options, tmp_path)
    hulu = csv_rows(tmp_path / "titles" / "hulu_titles.csv.gz")
    assert any(row["rating"].endswith((" min", " Seasons")) for row in hulu)
    assert any(not row["duration"] for row in hulu)
    netflix = csv_rows(tmp_path / "titles" / "netflix_titles.csv.gz")
    assert any(row["date_added"].startswith(" ") for row in netflix)
    assert any("\n" in row["description"] for row in netflix)


def test_valid_reviews_have_unknown_fields_with_the_share_of_the_options(reviews):
    unknown = sum(1 for review in reviews if set(review) - REVIEW_KEYS)
    assert 0.005 < unknown / len(reviews) < 0.015


def test_duplicates_are_copies_or_have_other_types_and_order(reviews_by_partition):
    forms = {}
    for number, part in reviews_by_partition.items():
        for review in part:
            forms.setdefault((number, identity(review)), []).append(json.dumps(review))
    repeated = [lines for lines in forms.values() if len(lines) > 1]
    assert any(len(set(lines)) == 1 for lines in repeated)
    assert any(len(set(lines)) > 1 for lines in repeated)


def test_reviews_have_the_types_of_both_profiles(reviews):
    assert {type(review["overall"]) for review in reviews} == {int, float}
    assert {type(review["verified"]) for review in reviews} == {bool, str}
    assert any("," in str(review.get("vote")) for review in reviews)
    assert not any(review[key] is None for review in reviews for key in review)


def test_styles_of_reviews_are_objects_or_json_text(reviews):
    styles = [review["style"] for review in reviews if "style" in review]
    assert {type(style) for style in styles} == {dict, str}
    for style in styles:
        style = json.loads(style) if isinstance(style, str) else style
        assert all(key.endswith(":") and value.startswith(" ") for key, value in style.items())


def test_reviews_differ_in_their_keys_and_key_order(reviews):
    assert len({tuple(review) for review in reviews}) > 20
    assert any("reviewText" not in review for review in reviews)
    dated = sum("reviewTime" in review for review in reviews) / len(reviews)
    assert 0.35 < dated < 0.55


def test_review_texts_contain_markup_and_entities(reviews):
    assert any("<" in review.get("reviewText", "") for review in reviews)
    assert any("&amp;" in review.get("reviewText", "") for review in reviews)


def test_stars_have_the_shares_of_the_source(reviews):
    stars = Counter(int(review["overall"]) for review in reviews)
    for value, share in {5: 0.64, 4: 0.17, 3: 0.08, 2: 0.04, 1: 0.07}.items():
        assert stars[value] / len(reviews) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("key", ["reviewerID", "asin"])
def test_a_fifth_of_users_and_products_has_most_reviews(reviews, key):
    counts = [count for _, count in Counter(review[key] for review in reviews).most_common()]
    assert sum(counts[: len(counts) // 5]) > 0.4 * len(reviews)


def test_most_common_name_and_summary_are_those_of_the_source(reviews):
    names = Counter(review.get("reviewerName") for review in reviews)
    assert names.most_common(1)[0][0] == "Amazon Customer"
    summaries = Counter(review.get("summary") for review in reviews)
    assert summaries.most_common(1)[0][0] == "Five Stars"


def test_number_of_reviews_grows_up_to_2016(reviews):
    years = Counter(1970 + int(review["unixReviewTime"] / 31_556_952) for review in reviews)
    assert years.most_common(1)[0][0] == 2016
    assert min(years) <= 2001
    assert max(years) == 2018


def test_some_reviews_have_no_product_and_some_products_no_review(products, reviews):
    described = {row["asin"] for row in products}
    reviewed = [review["asin"] for review in reviews]
    assert described - set(reviewed)
    assert 0.005 < sum(asin not in described for asin in reviewed) / len(reviewed) < 0.04


def test_products_have_the_schemas_of_both_profiles(products):
    assert {("image" in row, "imageURL" in row) for row in products} == {
        *((True, False), (False, True))
    }
    assert {type(row["rank"]) for row in products} == {str, list}


def test_product_prices_are_numbers_ranges_markup_or_empty(products):
    prices = "\n".join(row["price"] for row in products)
    for form in (r"$", " - $", ".a-box-inner", "<script"):
        assert form in prices
    assert any(row["price"] == "" for row in products)


def test_product_names_contain_markup(products):
    assert any(row["brand"].startswith("by\n") for row in products)
    assert any(row["title"].startswith("<span class=") for row in products)
    assert any('alt="AMAZON FASHION"' in row["main_cat"] for row in products)
    assert any("&amp;" in row["main_cat"] for row in products)
    assert any(row["main_cat"] == "" for row in products)


def test_product_details_contain_parts_of_the_page(products):
    assert any("\n    Item Weight: \n    " in row["details"] for row in products)
    features = [entry for row in products for entry in row["feature"]]
    assert any("Date first listed on Amazon" in entry for entry in features)
    assert any(row["date"].startswith("<div") for row in products)


def test_repeated_products_are_less_complete(sample):
    out, _ = sample
    complete, repeated = (
        {
            row["asin"]: row
            for line in partition_lines(folder)
            if not product_rejection(line)
            for row in [json.loads(line)]
        }
        for folder in partitions(out / "amazon_metadata")
    )
    both = complete.keys() & repeated.keys()
    assert both
    for asin in both:
        old, new = repeated[asin], complete[asin]
        assert old["description"] == []
        keys = ("price", "brand", "title", "date", "main_cat", "feature")
        assert all(old[key] in ("", new[key], new[key][:1]) for key in keys)
        assert sum(old[key] == "" for key in keys) >= 3


def test_events_contain_texts_and_no_time(sample, options):
    out, _ = sample
    lines = event_lines(out)
    assert len(lines) == options.events
    numbers = []
    for line in lines:
        if review_rejection(line):
            continue
        event = json.loads(line)
        numbers.append(event.pop("partition_number"))
        assert all(isinstance(value, str) for value in event.values())
        assert event["overall"] in {"0.0", "1.0", "2.0", "3.0", "4.0", "5.0"}
        assert not {"unixReviewTime", "reviewTime"} & event.keys()
        assert isinstance(json.loads(event.get("style", "{}")), dict)
        assert isinstance(json.loads(event.get("image", "[]")), list)
    assert numbers == sorted(set(numbers))


def test_texts_predict_the_sentiment_but_not_perfectly():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    reviews = map(json.loads, Reviews(SampleOptions()).lines(0, 16_000, public()))
    rated = [review for review in reviews if review["overall"] in (1, 2, 4, 5)]
    texts = [f"{row.get('summary', '')} {row.get('reviewText', '')}" for row in rated]
    positive = np.array([row["overall"] > 3 for row in rated])
    words = CountVectorizer(min_df=3).fit_transform(texts)
    half = len(rated) // 2
    model = LogisticRegression(C=0.3, max_iter=300).fit(words[:half], positive[:half])
    auc = roc_auc_score(positive[half:], model.predict_proba(words[half:])[:, 1])
    assert 0.85 < auc < 0.99


def test_means_of_users_and_products_predict_other_stars():
    population = Reviews(SampleOptions()).population
    draw = population.draw(0, 60_000, np.random.default_rng(1))
    past = np.arange(60_000) % 5 > 0
    stars = draw.stars - draw.stars[past].mean()
    guess = sum(shrunken_means(ids, stars, past)[ids[~past]] for ids in (draw.user, draw.product))
    assert np.mean((stars[~past] - guess) ** 2) < 0.92 * np.mean(stars[~past] ** 2)


def shrunken_means(ids: np.ndarray, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    sums = np.bincount(ids[rows], values[rows], minlength=ids.max() + 1)
    return sums / (np.bincount(ids[rows], minlength=ids.max() + 1) + 5)


def test_keys_equal_those_of_the_real_files(sample, reviews, products):
    """Compares keys only, so no content of the real files becomes part of the tests."""
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    real_reviews = real_keys(folder, "reviews/*_5.json.gz")
    assert set().union(*real_reviews) == REVIEW_KEYS
    assert real_reviews & {tuple(review) for review in reviews}
    real_products = real_keys(folder, "metadata/meta_*.json.gz")
    assert {frozenset(row) for row in products} == {frozenset(keys) for keys in real_products}


def real_keys(folder: str, pattern: str) -> set[tuple[str, ...]]:
    return {
        tuple(json.loads(line))
        for path in Path(folder).glob(pattern)
        for line in gzip.decompress(path.read_bytes()).splitlines()
        if line.strip()
    }
