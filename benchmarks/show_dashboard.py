"""Times of the dashboard: `python -m benchmarks.show_dashboard`, with the project's settings.

Prints seconds as JSON: of the first page cold (with imports) and warm, of it and of the page of the
ratings after filters, and of the queries of a product's page.
"""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

FILTERS = {"stars": [5], "verified": "Verified", "months": ((2010, 5), (2016, 8))}
"""Filters of the page of the ratings."""

SEARCH = "book"
_PATIENCE = 120


def main() -> None:
    """Run the dashboard's script without a browser."""
    began = time.perf_counter()
    from streamlit.testing.v1 import AppTest

    from amazon_reviews.serving.dashboard import SCRIPT
    from amazon_reviews_tests.serving.scripts import page

    app = AppTest.from_file(str(SCRIPT), default_timeout=_PATIENCE)
    seconds = {"cold": _timed(app.run, began), "warm": _timed(app.run)}
    categories = app.multiselect(key="categories").set_value(["Books"])
    seconds["filter by categories"] = _timed(categories.run)
    ratings = AppTest.from_function(page, default_timeout=_PATIENCE, kwargs={"name": "ratings"})
    ratings.run()
    kinds = {"stars": ratings.multiselect, "verified": ratings.selectbox}
    for key, value in FILTERS.items():
        widget = kinds.get(key, ratings.select_slider)(key=key).set_value(value)
        seconds[f"filter by {key}"] = _timed(widget.run)
    _check(app, app.metric)
    _check(ratings, ratings.dataframe)
    print(json.dumps(seconds | _product()))


def _check(app: "AppTest", figures: object) -> None:
    if app.exception or not figures:
        raise SystemExit(f"a page shows no figures: {app.exception or app.info}")


def _product() -> dict[str, float]:
    """Measure the queries of the page of the product with most reviews."""
    from amazon_reviews import config
    from amazon_reviews.resources.warehouse.connect import open_warehouse
    from amazon_reviews.serving.queries import catalogue
    from amazon_reviews.serving.queries.filters import Filters

    warehouse = open_warehouse(config.load().warehouse)
    asins: list[str] = []
    seconds = {
        "search a product": _timed(
            lambda: asins.extend(
                catalogue.products(warehouse, SEARCH, Filters())["asin"].to_pylist()
            )
        )
    }
    asin = asins[0]
    seconds["a product's months"] = _timed(lambda: catalogue.product_months(warehouse, asin))
    seconds["a product's reviews"] = _timed(lambda: catalogue.product_reviews(warehouse, asin))
    return seconds


def _timed(action: Callable[[], object], began: float | None = None) -> float:
    start = time.perf_counter() if began is None else began
    action()
    return round(time.perf_counter() - start, 3)


if __name__ == "__main__":
    main()
