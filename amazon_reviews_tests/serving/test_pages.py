"""The dashboard in a browser: pages, filters, downloads, phones and keyboards."""

import csv
import io
import re
import struct
from collections import Counter
from contextlib import suppress
from datetime import date

import pytest
from playwright.sync_api import TimeoutError

from amazon_reviews.serving.queries.catalogue import PAGE_ROWS
from amazon_reviews_tests.serving.synthetic import FORMULA, HOSTILE_TEXT, HOSTILE_TITLE

TABS = {
    "recommendations": ["For a customer", "Similar products", "The methods"],
    "overview": ["Overview"],
    "ratings": ["Stars", "Years", "Months", "Over time", "Length", "Credibility", "Origin"],
    "categories": ["Reviews", "Products", "Second categories", "Prices"],
    "brands": ["Products", "Brands", "Reputation", "Alerts", "Completeness", "Titles"],
    "customers": ["Phrases", "Summaries", "Names", "Helpful votes"],
    "sentiment": ["Categories", "Brands & products", "Words", "The model"],
    "titles": ["Longest", "Films", "Actors", "Search", "Predict", "Explore"],
    "quality": ["Reconciliation", "Rejected lines", "Missing values", "Freshness", "Runs"],
}
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
        if page != "overview":
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


def test_the_overview_has_the_totals_of_all_reviews(tab, reviews):
    sentiments = Counter(review["sentiment"] for review in reviews)
    rated = len(reviews) - sentiments[None]

    visit(tab, "/")

    assert figure(tab, "Reviews") == str(len(reviews))
    assert figure(tab, "Positive") == share(sentiments["positive"], rated)
    assert figure(tab, "Negative") == share(sentiments["negative"], rated)
    assert figure(tab, "Customers") == str(len({review["reviewer_id"] for review in reviews}))
    assert tab.get_by_text(
        "Brands tested for a trend: 4, of them 1 rising and 1 falling"
    ).is_visible()


def test_filters_combine(tab, reviews):
    visit(tab, "/")
    choose(tab, "Categories", "Books")
    books = [review for review in reviews if review["main_category"] == "Books"]
    tab.wait_for_function(f"document.body.innerText.includes('Reviews\\n\\n{len(books)}\\n')")

    choose(tab, "Purchase", "Not verified")
    both = [review for review in books if not review["verified"]]
    tab.wait_for_function(f"document.body.innerText.includes('Reviews\\n\\n{len(both)}\\n')")

    assert tab.get_by_text("The filters do not apply here").is_visible()
    tab.get_by_role("button", name="Reset filters").click()
    tab.wait_for_function(f"document.body.innerText.includes('Reviews\\n\\n{len(reviews)}\\n')")


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


def test_a_filter_can_be_set_with_the_keyboard_alone(tab, reviews):
    visit(tab, "/")
    tab.get_by_role("combobox", name="Purchase").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        tab.keyboard.press(key)

    others = sum(not review["verified"] for review in reviews)
    tab.wait_for_function(f"document.body.innerText.includes('Reviews\\n\\n{others}\\n')")


def test_months_within_a_year_filter_stars_and_lengths(tab, reviews):
    days = (date(2013, 5, 1), date(2013, 8, 31))
    within = [r for r in reviews if r["reviewed_on"] and days[0] <= r["reviewed_on"] <= days[1]]
    stars = Counter(str(review["overall"] or "") for review in within)
    months = "months=May+2013&months=Aug+2013"

    visit(tab, f"/ratings?{months}")
    rows = table_of(downloaded(tab, "CSV", "chart-stars"))
    visit(tab, f"/ratings?{months}&ratings_tab=Length")
    lengths = table_of(downloaded(tab, "CSV", "chart-review_lengths"))

    counted = Counter()
    for row in rows:
        counted[row["stars"]] += int(row["reviews"])
    assert counted == stars
    assert sum(int(row["reviews"]) for row in lengths) == len(within)


def test_an_arrow_key_moves_the_first_month_by_one(tab, reviews):
    later = sum(str(review["reviewed_on"] or "") >= "2012-02" for review in reviews)
    visit(tab, "/")
    tab.get_by_role("slider", name="Months — start").press("ArrowRight")

    tab.wait_for_function(f"document.body.innerText.includes('Reviews\\n\\n{later}\\n')")
    assert tab.url.endswith("?months=Feb+2012&months=Dec+2018")


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
    visit(tab, "/brands")
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
    visit(tab, "/brands")
    pager = tab.get_by_text(f"Page of {-(-len(stars) // PAGE_ROWS)}, newest first")
    pager.wait_for()

    choose(tab, "Only with stars", "1")

    pager.wait_for(state="detached")


def test_hostile_reviews_are_shown_as_plain_text(tab):
    visit(tab, "/brands")

    assert tab.get_by_text(HOSTILE_TEXT).first.is_visible()
    assert tab.get_by_text(HOSTILE_TITLE).first.is_visible()
    assert tab.title() != "owned"
    main = tab.locator("[data-testid=stMain]")
    assert main.locator("a[href*='evil'], img, script, .katex, strong").count() == 0


def test_pages_note_filters_that_do_not_apply(tab):
    visit(tab, "/customers?verified=Verified")
    assert tab.get_by_text("The filters do not apply here").is_visible()

    visit(tab, "/ratings?verified=Verified&ratings_tab=Credibility")
    assert tab.get_by_text("Only the filter by category applies here").is_visible()


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
