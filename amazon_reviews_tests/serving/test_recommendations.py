"""The page of recommendations: known and unknown customers and products, and the methods."""

import csv
import io

import pytest

from amazon_reviews.serving.queries import recommender
from amazon_reviews.serving.recommendations import alike, recommended
from amazon_reviews_tests.serving import synthetic
from amazon_reviews_tests.serving.test_pages import FAILURES, downloaded, settle, visit


@pytest.fixture(scope="module")
def model():
    return synthetic.recommender()


def listed(tab, name):
    content = downloaded(tab, "CSV", f"table-{name}").path().read_text()
    return list(csv.DictReader(io.StringIO(content)))


def ask(tab, label, text):
    tab.get_by_label(label).fill(text)
    tab.keyboard.press("Enter")
    settle(tab)


def test_a_customer_sees_history_and_what_is_recommended_with_reasons(tab, model, warehouse):
    customer = recommender.customers(warehouse, "").to_pylist()[0]["reviewer_id"]
    visit(tab, "/recommendations")
    ask(tab, "Customer's id or name", customer)
    tab.get_by_text("History").wait_for()

    rows = listed(tab, "recommended")
    answer = recommended(model, customer, 10)
    assert [row["asin"] for row in rows] == [one.asin for one in answer.suggestions]
    assert rows[0]["title"]
    assert any(row["reason"].startswith("because you rated") for row in rows)
    history = listed(tab, "history")
    assert history
    assert not {row["asin"] for row in rows} & {row["asin"] for row in history if row["overall"]}
    assert tab.locator(FAILURES).count() == 0


def test_an_unknown_customer_is_told_to_be_one(tab, model):
    visit(tab, "/recommendations")
    ask(tab, "Customer's id or name", "NOBODY-AT-ALL")
    tab.get_by_text("the recommender knows nothing of this customer").wait_for()

    assert [row["asin"] for row in listed(tab, "recommended")] == [
        one.asin for one in recommended(model, "", 10).suggestions
    ]
    tab.get_by_text("This customer has no reviews.").wait_for()


def test_a_product_shows_those_like_it(tab, model):
    visit(tab, "/recommendations?recommendations_tab=Like+a+product")
    tab.get_by_role("tab", name="Like a product").click()
    ask(tab, "Title, brand or ASIN", "P007")

    rows = listed(tab, "similar")
    expected = alike(model, "P007", 10).suggestions
    assert [row["asin"] for row in rows] == [one.asin for one in expected]
    assert "reason" not in rows[0]


def test_questions_are_answered_from_the_warehouse(warehouse):
    found = recommender.customers(warehouse, "").to_pylist()
    assert found == sorted(found, key=lambda row: (-row["reviews"], row["reviewer_id"]))
    customer = found[0]["reviewer_id"]
    own = recommender.customers(warehouse, customer.lower()).to_pylist()
    assert customer in {row["reviewer_id"] for row in own}
    assert recommender.history(warehouse, customer).num_rows == found[0]["reviews"]
    assert recommender.history(warehouse, "nobody").num_rows == 0
    facts = recommender.facts(warehouse, ("P001", "P002", "nothing")).to_pylist()
    assert sorted(row["asin"] for row in facts) == ["P001", "P002"]
    assert recommender.facts(warehouse, ()).num_rows == 0
    methods = recommender.methods(warehouse, "ndcg@10")["method"].to_pylist()
    assert methods == ["hybrid", "bm25", "popularity"]
