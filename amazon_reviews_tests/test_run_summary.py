"""The summary of a headless run."""

import pyarrow as pa

from amazon_reviews import config
from amazon_reviews.cli.common.summary import print_summary
from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.serving.synthetic import write_warehouse


def test_reviews_without_a_category_are_listed_as_unknown(tmp_path, capsys):
    categories = ["Books", None, None, None]
    rows = [{"main_category": name, "overall": 4, "unrated": False} for name in categories]
    rows += [{"main_category": "Unrated", "unrated": True}]
    table = pa.Table.from_pylist(rows, TABLES["gold/reviews"].arrow_schema)
    url = write_warehouse(tmp_path, {"gold/reviews": table})
    summary = {"reconciliation": [], "warehouse": {"gold/reviews": 4}, "warehouse_error": None}

    print_summary(summary, config.load({"AMAZON_REVIEWS_WAREHOUSE": url}))

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    first = lines.index(["main_category", "reviews", "mean_stars"]) + 1
    assert lines[first : first + 3] == [
        ["Unknown", "3", "4.00"],
        ["Books", "1", "4.00"],
        ["Unrated", "1", "–"],
    ]
