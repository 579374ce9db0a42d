"""The dashboard in a browser: pages, filters, downloads, phones and keyboards."""

import csv
import io
import re
import struct
from collections import Counter
from contextlib import suppress

import pytest
from playwright.sync_api import TimeoutError

from amazon_reviews.serving.queries.catalogue import PAGE_ROWS
from amazon_reviews_tests.serving.synthetic import FORMULA, HOSTILE_TEXT, HOSTILE_TITLE

TABS = {
    "recommendations": ["For a customer", "Similar products", "The methods"],
    "overview": ["Overview"],
    "ratings": [
        "Stars",
        "Years",
        "Months",
        "Over time",
        "Seasons",
        "Length",
        "Credibility",
        "Origin",
    ],
    "categories": ["Reviews", "Products", "Subcategories", "Prices"],
    "brands": ["Products", "Alerts", "Brands", "Reputation", "Completeness", "Titles"],
    "product": ["Product"],
    "customers": ["Helpful votes", "Summaries", "Phrases", "Names"],
    "sentiment": ["Categories", "Over time", "Brands & products", "Words", "The model"],
    "titles": ["Longest", "Films", "Actors", "Search", "Predict", "Explore"],
    "quality": ["Reconciliation", "Rejected lines", "Missing values", "Freshness", "Runs"],
}
METRIC = "[data-testid=stMetric] >> nth=0"
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
FAILURES = "[data-testid=stException], [data-testid=stAlertContentError]"
DRAWN = "[class*=st-key-chart-] :is(canvas, svg.marks), [class*=st-key-table-] canvas"
NAMELESS = """() => [...document.querySelectorAll('input, textarea, select, button, [role=slider]')]
  .filter(e => e.checkVisibility() && !e.closest('[aria-hidden=true]'))
  .filter(e => !(e.labels?.length || e.ariaLabel || e.title ||
    e.innerText?.trim() || e.getAttribute('aria-labelledby')))
  .map(e => e.outerHTML.slice(0, 200))"""
OVERFLOW = """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
  .map(e => e.scrollWidth - e.clientWidth)"""

# Texts with less contrast than level AA of WCAG 2.1 requires (criterion 1.4.3). The value of a
# slider is drawn above its knob, although it is an element inside of it.
FAINT = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], [x, y, z]) =>
    [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const behind = e => {
    const colour = channels(getComputedStyle(e).backgroundColor);
    const opaque = colour.length < 4 || colour[3] === 1;
    if (opaque) return colour.slice(0, 3);
    return over(colour, e.parentElement ? behind(e.parentElement) : [255, 255, 255]);
  };
  const light = colour => {
    const [r, g, b] = colour.map(c => c / 255).map(
      c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const texts = document.createTreeWalker(document.querySelector('.stApp'), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, e = text.parentElement, style = getComputedStyle(e);
    if (!text.data.trim() || !e.checkVisibility({opacityProperty: true, visibilityProperty: true})
        || e.closest('svg, style, script, [disabled], [aria-hidden=true]')
        || e.closest('[data-testid=stSliderThumbValue]')) continue;
    if (style.fontFamily.includes('Material') || channels(style.color)[3] === 0) continue;
    const ground = behind(e), ink = over(channels(style.color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${text.data.trim()}`);
  }
  return faint;
}"""


def visit(tab, path):
    tab.goto(path)
    settle(tab)


def settle(tab):
    tab.wait_for_selector("h1")
    tab.wait_for_selector(SETTLED)
    tab.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")


def figure(tab, label):
    """Return the number of a tile."""
    tile = tab.locator("[data-testid=stMetric]").filter(has=tab.get_by_text(label, exact=True))
    return tile.locator("[data-testid=stMetricValue]").inner_text()


def downloaded(tab, kind, within):
    """Return the download of a button; try again if the page was built again during the click."""
    button = tab.locator(f".st-key-{within}").get_by_role("button", name=kind, exact=True)
    for patience in (10_000, 20_000, 60_000):
        settle(tab)
        with suppress(TimeoutError), tab.expect_download(timeout=patience) as arriving:
            button.click()
            return arriving.value
    raise AssertionError(f"{within} gives no {kind}")


def table_of(download):
    return list(csv.DictReader(io.StringIO(download.path().read_text(), newline="")))


def share(part, whole):
    return f"{part / whole:.1%}"


@pytest.mark.parametrize("page", TABS)
def test_every_tab_shows_a_chart_or_table_and_no_failure(tab, page):
    visit(tab, f"/{page}")
    for name in TABS[page]:
        if page not in ("overview", "product"):
            tab.get_by_role("tab", name=name, exact=True).click()
            tab.wait_for_selector(f'[role=tab][aria-selected=true]:has-text("{name}")')
            settle(tab)
        tab.locator(DRAWN).first.wait_for()
        assert tab.locator(FAILURES).count() == 0, name
        assert tab.evaluate(NAMELESS) == [], name
        assert tab.evaluate(FAINT) == [], name


@pytest.mark.parametrize("page", TABS)
def test_pages_fit_a_phone_in_the_dark_theme(phone, page):
    visit(phone, f"/{page}")

    assert phone.evaluate(OVERFLOW) == [0, 0]
    assert phone.evaluate(FAINT) == []
    colour = phone.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert max(map(int, re.findall(r"\d+", colour)[:3])) < 60


def test_the_overview_leads_with_findings_and_the_change_of_a_year(tab, reviews):
    visit(tab, "/")

    findings = tab.locator(".st-key-findings")
    assert findings.get_by_text("The stars of 1 brand fall beyond chance").is_visible()
    first, second = (tab.locator(key).bounding_box()["y"] for key in (".st-key-findings", METRIC))
    assert first < second
    months = Counter((r["year"], r["month"]) for r in reviews if r["year"])
    end = max(months)[0] * 12 + max(months)[1] - 1
    whole = [n for (year, month), n in months.items() if end - 12 <= year * 12 + month - 1 < end]
    assert figure(tab, "Reviews") == str(sum(whole))
    customers = len({review["reviewer_id"] for review in reviews})
    assert tab.get_by_text(f"by {customers:,} customers").is_visible()


def test_a_finding_leads_to_its_tab(tab):
    visit(tab, "/")
    trend = tab.locator(".st-key-findings [data-testid=stHorizontalBlock]").filter(
        has_text="The stars of 1 brand fall beyond chance"
    )

    trend.get_by_role("link", name="Show").click()

    tab.wait_for_selector("[role=tab][aria-selected=true]:has-text('Reputation')")


def test_filters_combine(tab, reviews):
    visit(tab, "/ratings")
    choose(tab, "Categories", "Books")
    choose(tab, "Purchase", "Not verified")
    tab.get_by_text("Only Books, purchases not verified.").wait_for()

    rows = table_of(downloaded(tab, "CSV", "chart-stars"))
    both = [r for r in reviews if r["main_category"] == "Books" and not r["verified"]]
    assert sum(int(row["reviews"]) for row in rows) == len(both)

    tab.get_by_role("button", name="Reset filters").click()
    tab.get_by_text("Only Books").wait_for(state="detached")
    rows = table_of(downloaded(tab, "CSV", "chart-stars"))
    assert sum(int(row["reviews"]) for row in rows) == len(reviews)


def choose(tab, label, option):
    """Choose from a list; try again if the page was built again, which closes the list."""
    entry = tab.get_by_role("option", name=option, exact=True)
    for patience in (5_000, 20_000, 60_000):
        settle(tab)
        tab.get_by_role("combobox", name=label).click()
        with suppress(TimeoutError):
            entry.click(timeout=patience)
            break
        tab.keyboard.press("Escape")
    tab.keyboard.press("Escape")


def test_filters_stay_when_the_page_changes(tab, reviews):
    visit(tab, "/?categories=Books")
    tab.get_by_role("link", name="Ratings & time").click()
    tab.wait_for_selector("h1:has-text('Ratings & time')")
    settle(tab)

    rows = table_of(downloaded(tab, "CSV", "chart-stars"))

    books = [review for review in reviews if review["main_category"] == "Books"]
    assert sum(int(row["reviews"]) for row in rows) == len(books) < len(reviews)


def test_a_filter_can_be_set_with_the_keyboard_alone(tab):
    visit(tab, "/ratings")
    tab.get_by_role("combobox", name="Purchase").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        tab.keyboard.press(key)

    tab.get_by_text("Only purchases not verified.").wait_for()


def test_the_csv_of_a_chart_has_its_rows(tab, reviews):
    visit(tab, "/ratings?stars=5&ratings_tab=Years")

    download = downloaded(tab, "CSV", "chart-reviews_per_year")

    assert download.suggested_filename == "reviews_per_year.csv"
    counts = Counter(r["year"] for r in reviews if r["overall"] == 5 and r["year"])
    assert {int(r["year"]): int(r["reviews"]) for r in table_of(download)} == counts


def test_the_png_of_a_chart_is_a_wide_picture(tab):
    visit(tab, "/ratings")

    download = downloaded(tab, "PNG", "chart-stars")

    picture = download.path().read_bytes()
    assert download.suggested_filename == "stars.png"
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", picture[16:20])[0] > 1_440


def test_the_csv_of_a_table_has_no_formulas(tab):
    visit(tab, "/brands?brands_tab=Brands")

    brands = {row["brand"] for row in table_of(downloaded(tab, "CSV", "table-brands"))}

    assert f"'{FORMULA}" in brands
    tab.locator("[data-testid=stDataFrame]").hover()
    tab.wait_for_selector("[data-testid=stElementToolbar] button >> visible=true")
    assert tab.get_by_label(re.compile("^Download as CSV")).filter(visible=True).count() == 0


def test_a_product_is_found_and_shown_with_its_reviews(tab, reviews):
    visit(tab, "/product")
    search = tab.get_by_role("textbox", name="Search products")
    search.fill("product 12")
    search.press("Enter")
    tab.wait_for_selector("text=Product 12 · Acme · P012")

    of_product = [review for review in reviews if review["product_asin"] == "P012"]
    assert figure(tab, "Reviews") == str(len(of_product))
    for review in of_product:
        tab.get_by_text(review["review_text"], exact=True).wait_for()


def test_the_pages_of_reviews_are_those_of_the_chosen_stars(tab, reviews):
    stars = [row["overall"] for row in reviews if row["product_asin"] == "P000"]
    assert len(stars) > PAGE_ROWS > stars.count(1)
    visit(tab, "/product")
    pager = tab.get_by_text(f"Page of {-(-len(stars) // PAGE_ROWS)}: {len(stars)} reviews")
    pager.wait_for()

    choose(tab, "Only with stars", "1")

    pager.wait_for(state="detached")


def test_the_reviews_of_a_product_are_found_by_their_text(tab, reviews):
    text = next(review["review_text"] for review in reviews if review["product_asin"] == "P012")
    visit(tab, "/product?asin=P012")
    search = tab.get_by_role("textbox", name="Only with this text")
    search.fill(text.upper())
    search.press("Enter")

    others = [r["review_text"] for r in reviews if r["product_asin"] == "P012"]
    for other in {each for each in others if text.upper() not in each.upper()}:
        tab.get_by_text(other, exact=True).wait_for(state="detached")
    assert tab.get_by_text(text, exact=True).first.is_visible()


def test_hostile_reviews_are_shown_as_plain_text(tab):
    visit(tab, "/product")

    assert tab.get_by_text(HOSTILE_TEXT).first.is_visible()
    assert tab.get_by_text(HOSTILE_TITLE).first.is_visible()
    assert tab.title() != "owned"
    main = tab.locator("[data-testid=stMain]")
    assert main.locator("a[href*='evil'], img, script, .katex, strong").count() == 0


def test_only_filters_that_act_on_all_of_a_page_are_shown(tab):
    filters = tab.get_by_test_id("stSidebar").get_by_role("combobox")
    visit(tab, "/ratings?verified=Verified&categories=Books")
    names = ["Categories", "Stars", "Purchase", "Source"]
    assert [each.get_attribute("aria-label") for each in filters.all()] == names

    tab.get_by_role("tab", name="Credibility").click()
    tab.wait_for_selector("[role=tab][aria-selected=true]:has-text('Credibility')")
    settle(tab)
    assert filters.count() == 1
    assert tab.get_by_text("Only Books.").is_visible()

    tab.get_by_role("tab", name="Seasons").click()
    tab.wait_for_selector("[role=tab][aria-selected=true]:has-text('Seasons')")
    settle(tab)
    assert filters.count() == 0

    tab.get_by_role("tab", name="Stars").click()
    tab.get_by_text("Only Books, verified purchases.").wait_for()


def test_filters_without_a_match_show_a_message(tab):
    visit(
        tab,
        "/ratings?stars=1&months=Jan+2012&months=Mar+2012&source=Stream&categories=Toys+%26+Games",
    )

    assert tab.get_by_text("No data matches these filters.").first.is_visible()
    assert tab.locator(FAILURES).count() == 0


def test_a_single_category_is_not_ranked(tab):
    visit(tab, "/categories")
    assert tab.get_by_text("Where to improve first:").is_visible()
    assert tab.locator(".st-key-chart-categories_by_priority").is_visible()

    visit(tab, "/categories?categories=Books")

    assert tab.get_by_text("these reviews are of one category only").is_visible()
    assert tab.locator(".st-key-chart-categories_by_priority").count() == 0
