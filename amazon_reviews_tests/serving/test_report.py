"""The report: one complete and safe file, which loads nothing from another host."""

import re
import shutil
import subprocess
from functools import partial
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.errors import WarehouseError
from amazon_reviews.resources.built_files import read_built
from amazon_reviews.resources.warehouse.connect import open_warehouse
from amazon_reviews.schemas.built import Built
from amazon_reviews.schemas.recommender import RECOMMENDER_EVALUATION
from amazon_reviews.serving.charts import catalogue as catalogue_charts
from amazon_reviews.serving.report import recommender
from amazon_reviews.serving.report.contents import REVIEWS_REPORT
from amazon_reviews.serving.report.page import write_report
from amazon_reviews.serving.report.titles import TITLES_REPORT
from amazon_reviews_tests.serving import synthetic

MOST_BYTES = 5_000_000
MARGIN = 12 / 25.4 * 72
PAPERS = {"A4": (595, 842), "Letter": (612, 792)}


@pytest.fixture(scope="module")
def file(warehouse, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "new folder" / "report.html"
    assert write_report(warehouse, path) == path.stat().st_size
    return path


@pytest.fixture
def page(browser, file):
    """The report in a browser; the test fails if the page loads another file or has an error."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        requests, failed = [], []
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda entry: entry.type == "error" and failed.append(entry.text))
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-drawn]")
        yield page
        assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [
            file.as_uri()
        ]
        assert not failed


def test_the_report_is_one_small_file(file):
    assert file.stat().st_size < MOST_BYTES
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_report_has_no_ids_and_no_rare_names(file, reviews):
    charts = file.read_text().partition('id="charts"')[2].partition("</script>")[0]

    assert '"no. 1: ' in charts
    assert "Amazon Customer" in charts
    private = {*(review["reviewer_id"] for review in reviews), synthetic.RARE_NAME}
    assert [text for text in private if text in charts] == []


def test_all_charts_are_drawn_and_the_figures_are_those_of_the_reviews(page, reviews):
    panels = [panel for section in REVIEWS_REPORT.sections for panel in section.panels]
    drawn = int(page.get_attribute("body", "data-drawn"))
    assert drawn == len(panels) - 1 == page.locator("figure svg.marks").count()
    assert page.locator("figure.empty").all_inner_texts() == [
        "NDCG@10 of the methods, leave-last-out split: no data."
    ]
    figures = dict(
        zip(page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts(), strict=True)
    )
    assert figures["Reviews"] == f"{len(reviews):,}"
    rated = [float(row["overall"]) for row in reviews if row["overall"] is not None]
    assert figures["Mean stars"] == f"{sum(rated) / len(rated):.2f}"


def test_the_report_begins_with_findings_that_lead_to_their_sections(page, file):
    main = page.locator("main > *")
    assert [main.nth(place).evaluate("e => e.tagName") for place in range(3)] == ["H2", "UL", "DL"]
    items = page.locator(".findings li")
    texts = items.all_inner_texts()
    assert texts[0].startswith("partition_2 of silver/reviews is not balanced")
    assert synthetic.HOSTILE_TITLE[:40] in texts[1]
    usual = [item.get_attribute("class") == "usual" for item in items.all()]
    assert usual == sorted(usual)
    assert not usual[0]
    assert usual[-1]
    kinds = {}
    for item in items.all():
        (link,) = item.locator("a").all()
        target = link.get_attribute("href")
        assert page.locator(f"h2{target}").count() == 1
        kinds[target] = link.inner_text()
    assert kinds == {
        "#data-quality": "Data quality",
        "#brands-and-products": "Brands and products",
        "#stars-and-sentiment": "Stars and sentiment",
        "#categories-and-prices": "Categories and prices",
        "#over-time": "Over time",
        "#sentiment-of-the-texts": "Sentiment of the texts",
    }


def test_the_figures_of_the_models_are_in_words(page):
    texts = page.locator("section > p").all_inner_texts()

    assert texts[0].startswith("The model is right about 97.0 % of 700 reviews")
    assert "The model finds 86 % of the negative ones (60 of 70;" in texts[0]
    assert texts[1].startswith("The recommendations are those of the method hybrid.")
    titles = page.locator("figure .role-title-text").all_text_contents()
    assert "Which method puts the right products first?" in titles
    assert "Which brands get better or worse?" in titles


def test_the_report_compares_the_brands_that_the_dashboard_compares_first(warehouse):
    (panel,) = [
        panel
        for section in REVIEWS_REPORT.sections
        for panel in section.panels
        if panel.draw is catalogue_charts.brand_reputation
    ]

    rows = panel.query(warehouse, *panel.arguments)

    assert set(rows["brand"].to_pylist()) == {"Acme", "Bolt", "Crane"}


def test_a_report_without_the_tables_of_the_models_has_the_other_findings(tmp_path):
    tables = {
        name: table
        for name, table in synthetic.tables().items()
        if not name.startswith(("gold/sentiment_", "gold/recommender_", "gold/brand_trends"))
    }
    file = tmp_path / "report.html"
    write_report(open_warehouse(synthetic.write_warehouse(tmp_path, tables)), file)

    page = file.read_text()
    findings = page.partition('class="findings"')[2].partition("</ul>")[0]
    assert "silver/reviews is not balanced" in findings
    assert "Bolt" not in findings
    assert "sentiment model" not in findings
    assert "No data: gold/sentiment_categories is not in the warehouse." in page
    assert "The model is right about" not in page


def test_the_report_fits_a_phone_and_prints_its_charts(page):
    page.set_viewport_size({"width": 390, "height": 800})
    # The charts are drawn again for the new width, which takes a moment.
    page.wait_for_function("document.documentElement.scrollWidth === 390")
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("figure svg.marks").first.is_visible()
    assert not page.locator(".vega-embed summary").first.is_visible()


def print_to_pdf(browser, file, width, paper):
    """Print the page from a window of this width; return the PDF and the titles of its charts."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-drawn]")
    pdf = file.with_name(f"{width}-{paper}.pdf")
    page.pdf(path=pdf, format=paper, print_background=True)
    # A title of several lines has a node for each.
    titles = page.locator("figure .role-title-text text").evaluate_all(
        "texts => texts.map(e => [...e.childNodes].map(line => line.textContent).join(' '))"
    )
    page.close()
    return pdf, titles


def words_of(pdf):
    """Return the words of each page with their boxes in points."""
    text = subprocess.check_output(["pdftotext", "-bbox", str(pdf), "-"], text=True)
    text = re.sub(r"<!DOCTYPE[^>]*>|[\x00-\x08\x0b-\x1f]", "", text)
    name = "{http://www.w3.org/1999/xhtml}"
    return [
        [
            (word.text, *(float(word.get(side)) for side in ("xMin", "yMin", "xMax", "yMax")))
            for word in page.iter(f"{name}word")
        ]
        for page in ElementTree.fromstring(text).iter(f"{name}page")
    ]


def pictures_of(pdf):
    """Yield the pages in grey at 72 dots per inch."""
    grey = subprocess.check_output(["pdftoppm", "-r", "72", "-gray", str(pdf)])
    while grey:
        header = re.match(rb"P5\s(\d+) (\d+)\s255\s", grey)
        width, height = map(int, header.groups())
        grey = grey[header.end() :]
        yield np.frombuffer(grey[: width * height], np.uint8).reshape(height, width)
        grey = grey[width * height :]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no poppler-utils")
@pytest.mark.parametrize("contents", [REVIEWS_REPORT, TITLES_REPORT], ids=["reviews", "titles"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("paper", PAPERS)
def test_nothing_is_cut_or_covered_on_paper(warehouse, browser, tmp_path, contents, width, paper):
    file = tmp_path / "report.html"
    write_report(warehouse, file, contents)

    pdf, titles = print_to_pdf(browser, file, width, paper)

    across, down = PAPERS[paper]
    pages = words_of(pdf)
    printed = " ".join(word for words in pages for word, *_ in words)
    assert titles
    assert all(" ".join(title.split()) in printed for title in titles)
    for words, picture in zip(pages, pictures_of(pdf), strict=True):
        for word, left, top, right, bottom in words:
            assert MARGIN - 1 < left < right < across - MARGIN + 2, word
            assert MARGIN - 1 < top < bottom < down - MARGIN + 2, word
        overlapping = [pair for pair in combinations(words, 2) if overlap(*pair)]
        assert not overlapping
        edge = int(MARGIN) - 1
        assert picture[edge:-edge, edge:-edge].min() < 255
        inside = np.full_like(picture, 255)
        inside[edge:-edge, edge:-edge] = picture[edge:-edge, edge:-edge]
        assert (inside == picture).all()


def overlap(word, other):
    """Return True if two words cover a part of each other."""
    _, left, top, right, bottom = word
    _, other_left, other_top, other_right, other_bottom = other
    across = min(right, other_right) - max(left, other_left)
    down = min(bottom, other_bottom) - max(top, other_top)
    return across > 1 and down > 0.4 * min(bottom - top, other_bottom - other_top)


def test_a_chart_can_be_saved_as_a_picture(page):
    page.locator("figure summary").first.click()
    with page.expect_download() as download:
        page.get_by_text("Save as PNG").first.click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_a_text_of_a_review_cannot_end_the_script(tmp_path, browser):
    hostile = "</script><img src=x onerror=document.body.dataset.hurt=1><!--<script>"
    tables = synthetic.tables()
    rows = tables["gold/summaries"].to_pylist()
    rows[0]["summary"] = hostile
    tables["gold/summaries"] = tables["gold/summaries"].from_pylist(
        rows, tables["gold/summaries"].schema
    )
    file = tmp_path / "report.html"
    write_report(open_warehouse(synthetic.write_warehouse(tmp_path, tables)), file)

    page = browser.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-drawn]")

    assert page.get_attribute("body", "data-hurt") is None
    assert page.locator("img").count() == 0
    assert page.evaluate("document.getElementById('charts').textContent.includes('onerror')")


@pytest.mark.parametrize(
    "write",
    [write_report, partial(write_report, contents=TITLES_REPORT), recommender.write_methods],
    ids=["reviews", "titles", "methods"],
)
def test_a_page_holds_the_record_it_was_written_with(warehouse, tmp_path, monkeypatch, write):
    no_rows = RECOMMENDER_EVALUATION.arrow_schema.empty_table()
    monkeypatch.setattr(recommender, "evaluation", lambda warehouse: no_rows)
    path, built = tmp_path / "page", Built(1, {"warehouse/summaries": 2})

    assert write(warehouse, path, built=built) == path.stat().st_size
    assert read_built(path) == built
    write(warehouse, path)
    assert read_built(path) is None


def test_a_failed_report_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "report.html"
    file.write_text("old")

    with pytest.raises(WarehouseError, match="does not exist yet"):
        write_report(open_warehouse(f"duckdb:///{tmp_path}/none.duckdb"), file)

    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "old"


def test_the_command_prints_the_path_or_the_missing_warehouse(warehouse_url, tmp_path):
    file = tmp_path / "report.html"

    def run(url, *arguments):
        env = {"AMAZON_REVIEWS_WAREHOUSE": url, "AMAZON_REVIEWS_REPORT": str(file)}
        return CliRunner().invoke(main, ["report", *arguments], env=env)

    done = run(warehouse_url)
    assert (done.exit_code, done.stdout) == (0, f"{file}\n")
    assert file.stat().st_size > 500_000
    other = run(warehouse_url, "--out", str(tmp_path / "other.html"))
    assert other.stdout == f"{tmp_path / 'other.html'}\n"
    missing = run(f"duckdb:///{tmp_path}/none.duckdb")
    assert missing.exit_code == 2
    assert "none.duckdb does not exist yet" in missing.stderr
    nowhere = run(warehouse_url, "--out", "/dev/null/report.html")
    assert nowhere.exit_code == 2
    assert "/dev/null/report.html cannot be written" in nowhere.stderr
