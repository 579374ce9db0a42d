"""Charts and tables of the apps: missing values, money."""

import pyarrow as pa
import pytest

from amazon_reviews.schemas import MART_TABLES
from amazon_reviews.schemas.table import MONEY
from amazon_reviews.serving.charts import reviews as charts
from amazon_reviews.serving.dashboard.components import column_config, with_unknown


def values(chart):
    (rows,) = chart.to_dict()["datasets"].values()
    return rows


def test_reviews_without_a_price_are_neither_listed_nor_imputed():
    bands = [(10, 25, False), (10, 25, True), (None, None, None)]
    table = pa.Table.from_pylist(
        [
            {
                "price_from": low,
                "price_to": high,
                "price_imputed": imputed,
                "reviews": 3,
                "rated": 3,
                "mean_stars": 4.0,
            }
            for low, high, imputed in bands
        ]
    )

    for build in (charts.prices, charts.price_ratings):
        rows = values(build(table))
        assert [row["price"] for row in rows] == ["listed", "imputed", "Unknown"]
        assert rows[2]["label"] == "Unknown"


MONEY_COLUMNS = {
    column.name: column.type
    for mart in MART_TABLES
    for column in mart.columns
    if column.type == MONEY or column.name == "mean_price"
}


@pytest.mark.parametrize("name", MONEY_COLUMNS)
def test_prices_of_tables_are_money(name):
    config = column_config(pa.field(name, pa.float64()))

    assert config["type_config"]["format"] == "dollar"


def test_missing_texts_of_tables_are_unknown():
    rows = pa.table({"brand": ["Acme", None], "reviews": pa.array([None, 3], pa.int64())})

    named = with_unknown(rows)

    assert named.to_pylist() == [
        {"brand": "Acme", "reviews": None},
        {"brand": "Unknown", "reviews": 3},
    ]


def test_purchases_that_no_source_states_are_unknown():
    rows = [{"stars": 5, "verified": each, "reviews": 1} for each in (True, False, None)]

    bars = values(charts.stars_by_verified(pa.Table.from_pylist(rows)))

    assert [bar["purchase"] for bar in bars] == ["verified", "not verified", "Unknown"]
