"""Clicks in a browser: marks filter, rows open the page of a product, brand or customer."""

import re

from amazon_reviews_tests.serving.test_pages import settle, visit

_CATEGORY_BARS = ".st-key-chart-categories_by_reviews [data-testid=stVegaLiteChart]"
# The first data row is below the header, which has the height of a row.
_ROW = 35


def click_row(tab, table, row=0):
    """Click on the first cell of a row of a table."""
    grid = tab.locator(f".st-key-table-{table} [data-testid=stDataFrame]")
    grid.scroll_into_view_if_needed()
    grid.click(position={"x": 40, "y": _ROW * (row + 1.5)})


def click_bar(tab, name):
    """Click on the row of a name in a chart of bars."""
    chart = tab.locator(_CATEGORY_BARS)
    chart.scroll_into_view_if_needed()
    label = chart.locator("svg text").filter(has_text=re.compile(f"^{name}$"))
    box, place = label.bounding_box(), chart.bounding_box()
    tab.mouse.click(place["x"] + place["width"] / 2, box["y"] + box["height"] / 2)


def test_a_click_on_a_row_opens_its_product(tab):
    visit(tab, "/brands")

    click_row(tab, "products", 1)

    tab.wait_for_url(re.compile("/product\\?asin=P001$"))
    tab.locator(".st-key-product-name").get_by_text("Product 1 · Bolt · P001").wait_for()


def test_a_click_on_a_brand_lists_its_products(tab):
    visit(tab, "/brands?brands_tab=Brands")

    click_row(tab, "brands")

    tab.wait_for_selector("[role=tab][aria-selected=true]:has-text('Products')")
    settle(tab)
    search = tab.get_by_role("textbox", name="Search products")
    assert search.input_value() == "Acme"


def test_a_second_click_on_a_category_shows_all_again(tab):
    visit(tab, "/categories")

    click_bar(tab, "Books")
    tab.get_by_text("Only Books.").wait_for()
    assert "categories=Books" in tab.url
    settle(tab)

    click_bar(tab, "Books")
    tab.get_by_text("Only Books.").wait_for(state="detached")


def test_a_linked_product_without_reviews_is_shown(tab):
    visit(tab, "/product?asin=NOWHERE")

    assert tab.get_by_text("This product has no reviews.").is_visible()
    assert tab.locator(".st-key-product-name").inner_text() == "Unknown · NOWHERE"
