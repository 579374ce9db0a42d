"""The report: one file, complete, harmless, and drawn without any other host."""

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.resources.warehouse import WarehouseError, open_warehouse
from amazon_reviews.serving.report.contents import REVIEWS_REPORT
from amazon_reviews.serving.report.page import write_report
from amazon_reviews_tests.serving import synthetic

MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def file(warehouse, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "new folder" / "report.html"
    assert write_report(warehouse, path) == path.stat().st_size
    return path


@pytest.fixture
def page(browser, file):
    """The report in a browser that may fetch nothing else, and fails on any error of the page."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        asked, failed = [], []
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda said: said.type == "error" and failed.append(said.text))
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-drawn]")
        yield page
        assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
        assert not failed


def test_the_report_is_one_small_file(file):
    assert file.stat().st_size < MOST_BYTES
    assert [found.name for found in file.parent.iterdir()] == [file.name]


def test_every_chart_is_drawn_and_the_figures_are_those_of_the_reviews(page, reviews):
    panels = [panel for section in REVIEWS_REPORT.sections for panel in section.panels]
    drawn = int(page.get_attribute("body", "data-drawn"))
    assert drawn == page.locator("figure").count() == page.locator("figure svg.marks").count()
    assert len(panels) - 2 <= drawn <= len(panels)
    figures = dict(
        zip(page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts(), strict=True)
    )
    assert figures["Reviews"] == f"{len(reviews):,}"
    rated = [float(row["overall"]) for row in reviews if row["overall"] is not None]
    assert figures["Mean stars"] == f"{sum(rated) / len(rated):.2f}"


def test_the_report_fits_a_phone_and_keeps_its_charts_on_paper(page):
    page.set_viewport_size({"width": 390, "height": 800})
    # The charts are drawn anew for the new width, in their own time.
    page.wait_for_function("document.documentElement.scrollWidth === 390")
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("figure svg.marks").first.is_visible()
    assert not page.locator(".vega-embed summary").first.is_visible()


def test_a_chart_can_be_saved_as_a_picture(page):
    page.locator("figure summary").first.click()
    with page.expect_download() as download:
        page.get_by_text("Save as PNG").first.click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_text_of_the_reviews_cannot_end_the_script(tmp_path, browser):
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


def test_a_report_that_cannot_be_made_leaves_the_old_one(tmp_path, monkeypatch):
    file = tmp_path / "report.html"
    file.write_text("old")

    with pytest.raises(WarehouseError, match="does not exist yet"):
        write_report(open_warehouse(f"duckdb:///{tmp_path}/none.duckdb"), file)

    assert [found.name for found in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "old"


def test_the_command_prints_the_path_and_says_what_is_missing(warehouse_url, tmp_path):
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
