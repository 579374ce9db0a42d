"""The page of recommendations: known and unknown customers, similar products, the methods."""

import csv
import io

import pytest

from amazon_reviews.serving.queries import recommender
from amazon_reviews.serving.recommendations import recommended, similar
from amazon_reviews_tests.serving import synthetic
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


def test_a_customer_has_a_history_and_recommendations_with_reasons(tab, model, warehouse):
    customer = recommender.customers(warehouse, "").to_pylist()[0]["reviewer_id"]
    visit(tab, "/recommendations")
    search(tab, "Customer's id or name", customer)
    tab.get_by_text("History").wait_for()

    rows = listed(tab, "recommended")
    suggestions = recommended(model, customer, 10).suggestions
    assert [row["asin"] for row in rows] == [each.asin for each in suggestions]
    assert rows[0]["title"]
    assert any(row["reason"].startswith("because you rated") for row in rows)
    history = listed(tab, "history")
    assert history
    assert not {row["asin"] for row in rows} & {row["asin"] for row in history if row["overall"]}
    assert tab.locator(FAILURES).count() == 0


def test_an_unknown_customer_gets_popular_products_and_a_note(tab, model):
    visit(tab, "/recommendations")
    search(tab, "Customer's id or name", "UNKNOWN-CUSTOMER")
    tab.get_by_text("the recommender has no data on this customer").wait_for()

    assert [row["asin"] for row in listed(tab, "recommended")] == [
        each.asin for each in recommended(model, "", 10).suggestions
    ]
    tab.get_by_text("This customer has no reviews.").wait_for()


def test_a_product_has_similar_products(tab, model):
    visit(tab, "/recommendations?recommendations_tab=Similar+products")
    tab.get_by_role("tab", name="Similar products").click()
    search(tab, "Title, brand or ASIN", "P007")

    rows = listed(tab, "similar")
    expected = similar(model, "P007", 10).suggestions
    assert [row["asin"] for row in rows] == [each.asin for each in expected]
    assert "reason" not in rows[0]


def test_queries_return_customers_history_facts_and_methods(warehouse):
    customers = recommender.customers(warehouse, "").to_pylist()
    assert customers == sorted(customers, key=lambda row: (-row["reviews"], row["reviewer_id"]))
    customer = customers[0]["reviewer_id"]
    matches = recommender.customers(warehouse, customer.lower()).to_pylist()
    assert customer in {row["reviewer_id"] for row in matches}
    assert recommender.history(warehouse, customer).num_rows == customers[0]["reviews"]
    assert recommender.history(warehouse, "nobody").num_rows == 0
    facts = recommender.facts(warehouse, ("P001", "P002", "nothing")).to_pylist()
    assert sorted(row["asin"] for row in facts) == ["P001", "P002"]
    assert recommender.facts(warehouse, ()).num_rows == 0
    methods = recommender.methods(warehouse, "ndcg@10")["method"].to_pylist()
    assert methods == ["hybrid", "bm25", "popularity"]
