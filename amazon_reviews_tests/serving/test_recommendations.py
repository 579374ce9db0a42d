"""The page of recommendations: known and unknown customers, similar products, the methods."""

import csv
import io
import re

import pytest

from amazon_reviews.config import PSEUDONYM_KEY
from amazon_reviews.serving.dashboard.pseudonyms import pseudonymizer
from amazon_reviews.serving.queries import customers as customer_queries
from amazon_reviews.serving.queries import recommender
from amazon_reviews.serving.recommendations import recommended, similar
from amazon_reviews_tests.serving import conftest, synthetic
from amazon_reviews_tests.serving.test_pages import FAILURES, downloaded, settle, visit


@pytest.fixture(scope="module")
def model():
    return synthetic.recommender()


def listed(tab, name):
    content = downloaded(tab, "CSV", f"table-{name}").path().read_text()
    return list(csv.DictReader(io.StringIO(content)))


def search(tab, label, text):
    tab.get_by_label(label).fill(text)
    tab.keyboard.press("Enter")
    settle(tab)


def test_a_phrase_leads_to_the_history_and_recommendations_of_its_customer(
    tab, model, warehouse, monkeypatch
):
    visit(tab, "/customers?customers_tab=Phrases")
    phrase = listed(tab, "customer_phrases")[0]
    monkeypatch.setenv(PSEUDONYM_KEY, conftest.PSEUDONYM_KEY)
    ids = recommender.customer_ids(warehouse)["reviewer_id"].to_pylist()
    (customer,) = (each for each in ids if pseudonymizer()(each) == phrase["customer"])

    visit(tab, f"/recommendations?customer={phrase['customer']}")
    tab.get_by_text("History").wait_for()

    rows = listed(tab, "recommended")
    suggestions = recommended(model, customer, 10).suggestions
    assert [row["asin"] for row in rows] == [each.asin for each in suggestions]
    assert all(re.match(r"Product \d+$|<img", row["product"]) for row in rows)
    assert {row["brand"] for row in rows} <= {"Acme", "Bolt", "Crane", f"'{synthetic.FORMULA}"}
    assert any(row["reason"].startswith("the customer rated") for row in rows)
    assert tab.get_by_text(f"Method: {model.method}").first.is_visible()
    history = listed(tab, "history")
    assert history
    assert not {row["asin"] for row in rows} & {row["asin"] for row in history if row["overall"]}
    assert tab.locator(FAILURES).count() == 0


def test_a_product_has_similar_products(tab, model):
    visit(tab, "/recommendations?recommendations_tab=Similar+products")
    tab.get_by_role("tab", name="Similar products").click()
    search(tab, "Title, brand or ASIN", "P007")

    rows = listed(tab, "similar")
    expected = similar(model, "P007", 10).suggestions
    assert [row["asin"] for row in rows] == [each.asin for each in expected]
    assert "reason" not in rows[0]


def test_queries_return_customers_history_facts_and_methods(warehouse):
    customers = recommender.customer_ids(warehouse).to_pylist()
    assert customers == sorted(customers, key=lambda row: (-row["reviews"], row["reviewer_id"]))
    customer = customers[0]["reviewer_id"]
    of_phrases = customer_queries.phrases_with_ids(warehouse)["reviewer_id"].to_pylist()
    assert {*of_phrases} <= {row["reviewer_id"] for row in customers}
    assert recommender.history(warehouse, customer).num_rows == customers[0]["reviews"]
    assert recommender.history(warehouse, "nobody").num_rows == 0
    facts = recommender.facts(warehouse, ("P001", "P002", "nothing")).to_pylist()
    assert sorted(row["asin"] for row in facts) == ["P001", "P002"]
    assert recommender.facts(warehouse, ()).num_rows == 0
    methods = recommender.methods(warehouse, "ndcg@10")["method"].to_pylist()
    assert methods == ["hybrid", "bm25", "popularity"]
