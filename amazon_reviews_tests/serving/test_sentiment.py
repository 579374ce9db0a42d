"""The page of the sentiment model: a text, a file, and rejected texts."""

import csv
import io
import re

import pytest

from amazon_reviews.models.loading import ONLY_GENERATED
from amazon_reviews.serving import model_cache
from amazon_reviews.serving.dashboard.views.sentiment_text import EXAMPLES
from amazon_reviews.serving.model_cache import ModelCache
from amazon_reviews.serving.queries import sentiment
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews_tests.serving.synthetic import FORMULA
from amazon_reviews_tests.serving.test_pages import FAILURES, downloaded, figure, settle, visit


def label(tab, text):
    tab.get_by_label("A sentence or a review").fill(text)
    tab.keyboard.press("Control+Enter")
    tab.get_by_text(f"{len(text)}/20000").wait_for()
    settle(tab)


def test_a_text_gets_a_label_and_its_most_important_words(tab):
    visit(tab, "/sentiment")
    label(tab, "What a waste, it broke")
    tab.locator(".st-key-chart-reasons canvas, .st-key-chart-reasons svg.marks").wait_for()

    assert figure(tab, "Sentiment") == "negative"
    assert figure(tab, "Stars") in {"1 ★", "2 ★"}
    assert float(figure(tab, "Rather positive").rstrip("%")) < 50
    assert tab.get_by_text(re.compile("Start: .*because most reviews are")).is_visible()
    rows = csv.DictReader(io.StringIO(downloaded(tab, "CSV", "chart-reasons").path().read_text()))
    assert {"waste", "broke"} <= {row["words"] for row in rows}
    assert tab.locator(FAILURES).count() == 0


def test_a_text_without_words_is_rejected(tab):
    visit(tab, "/sentiment")
    label(tab, "12345")

    tab.get_by_text("the text has only digits").wait_for()


@pytest.mark.parametrize("name", ["A text", "A file", "Categories", "The model"])
def test_every_tab_says_that_the_model_learned_from_generated_reviews_only(tab, name):
    visit(tab, f"/sentiment?sentiment_tab={name.replace(' ', '+')}")

    tab.get_by_test_id("stAlertContentWarning").get_by_text(ONLY_GENERATED).wait_for()


def test_an_example_can_be_clicked(tab):
    visit(tab, "/sentiment")
    tab.get_by_role("button", name=EXAMPLES[0]).click()
    tab.locator(".st-key-chart-text_stars canvas, .st-key-chart-text_stars svg.marks").wait_for()

    assert tab.get_by_label("A sentence or a review").input_value() == EXAMPLES[0]
    assert tab.locator(FAILURES).count() == 0


def test_a_text_without_known_words_gets_a_warning(tab):
    visit(tab, "/sentiment")
    label(tab, "zxcvb qwert")

    tab.get_by_text("The model knows no word of this text").wait_for()
    assert tab.locator(".st-key-chart-reasons").count() == 0


def upload(tab, content):
    visit(tab, "/sentiment?sentiment_tab=A+file")
    tab.get_by_role("tab", name="A file").click()
    tab.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": content}
    )


def test_an_uploaded_file_gets_labels_and_reasons(tab):
    upload(tab, b"id,Text,label\n1,what a waste,x\n2,perfect and great,y\n3,7,z\n4,a waste,w\n")
    tab.get_by_text("Download the rows").wait_for()

    assert (figure(tab, "Labelled"), figure(tab, "Rejected")) == ("3", "1")
    with tab.expect_download() as arriving:
        tab.get_by_role("button", name="Download the rows with their labels").click()
    rows = list(csv.DictReader(io.StringIO(arriving.value.path().read_text())))
    assert [row["sentiment_label"] for row in rows] == ["negative", "positive", "", "negative"]
    assert [row["label"] for row in rows] == ["x", "y", "z", "w"]
    assert rows[2]["reason"] == "the text has only digits"
    assert [row["sentiment"] for row in rows] == ["negative", "positive", "", "negative"]
    assert [bool(row["stars"]) for row in rows] == [True, True, False, True]
    words = downloaded(tab, "CSV", "chart-file_words").path().read_text()
    assert "waste" in words
    sentiments = downloaded(tab, "CSV", "chart-file_labels").path().read_text()
    assert [row["texts"] for row in csv.DictReader(io.StringIO(sentiments))] == ["2", "0", "1"]


def test_an_example_file_can_be_shown(tab):
    visit(tab, "/sentiment?sentiment_tab=A+file")
    tab.get_by_role("tab", name="A file").click()
    tab.get_by_text("Show an example").click()
    tab.get_by_text("Download the rows").wait_for()

    assert (figure(tab, "Labelled"), figure(tab, "Rejected")) == ("7", "1")
    assert tab.locator(FAILURES).count() == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"a,b\n1,2\n", "no column text"), (b"text\n\xff\n", "line 2 is not UTF-8")],
)
def test_an_unusable_file_gets_an_explanation(tab, content, problem):
    upload(tab, content)

    tab.get_by_text(problem).wait_for()
    message = tab.locator("[data-testid=stAlert]").filter(has_text=problem).inner_text()
    assert "mine.csv" in message
    assert "/tmp" not in message


def test_queries_return_the_rows_of_the_tables(warehouse, reviews):
    rows = sentiment.categories(warehouse, Filters(main_categories=("Books",))).to_pylist()
    assert [row["main_category"] for row in rows] == ["Books"]
    assert rows[0]["reviews"] == sum(review["main_category"] == "Books" for review in reviews)
    assert FORMULA in sentiment.evaluation(warehouse, "binary")["value"].to_pylist()
    brands = sentiment.brands(warehouse)["share_low"].to_pylist()
    assert brands == sorted(brands, reverse=True)
    years = sentiment.years(warehouse)
    assert sum(years["reviews"].to_pylist()) == sum(r["year"] is not None for r in reviews)


class Store:
    """A store whose current version the test sets."""

    def __init__(self):
        self.version = None

    def current(self, name):
        if isinstance(self.version, Exception):
            raise self.version
        return self.version and Stored(self.version, self.version)


class Stored(tuple):
    """A stored model, which equals another one of the same version."""

    path = property(lambda self: self[1])

    def __new__(cls, *values):
        return super().__new__(cls, values)


def test_a_new_current_model_is_loaded_and_an_unreadable_one_is_not(monkeypatch):
    monkeypatch.setattr(model_cache, "CHECK_SECONDS", 0.0)
    store = Store()
    loaded = []

    def load(path):
        if path == "bad":
            raise ValueError("damaged")
        loaded.append(path)
        return path.upper()

    model = ModelCache(store, "some", load)
    assert model.get() is None
    store.version = "one"
    assert [model.get().model, model.get().model] == ["ONE", "ONE"]
    store.version = "bad"
    assert model.get().model == "ONE"
    store.version = OSError("no store")
    assert model.get().model == "ONE"
    store.version = "two"
    assert model.get().model == "TWO"
    assert loaded == ["one", "two"]
