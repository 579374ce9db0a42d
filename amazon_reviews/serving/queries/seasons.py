"""The months of the year against what their days alone would give.

The formulas are explained in `amazon_reviews/transforms/marts/significance.py` and `over_time.py`.
They are repeated here because the mart compares each month with a mean month by its interval only.
"""

import math
from collections.abc import Iterable

import pyarrow as pa

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.intervals import NORMAL_95
from amazon_reviews.serving.queries.excess import q_values
from amazon_reviews.serving.queries.query import query, rows
from amazon_reviews.serving.queries.reviews import seasons

_DAYS = (31, 28.2425, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@query("gold/seasons", "gold/year_months")
def compared_months(warehouse: Warehouse) -> pa.Table:
    """The rows of `seasons` with an interval, and the columns expected and q_value.

    `expected` is the index of a month with equally many reviews on each day of the year. The test
    is that of a greater index; q_value is adjusted for the number of months.
    """
    months = seasons(warehouse).to_pylist()
    tested = [row for row in months if row["high"] is not None]
    freedom = _effective(_whole_years(warehouse)) - 1
    for row in tested:
        row["expected"] = 12 * _DAYS[row["month"] - 1] / sum(_DAYS)
        half = row["high"] - row["seasonal_index"]
        row["p_value"] = _greater(row["seasonal_index"] - row["expected"], half, freedom)
    adjusted = q_values([row["p_value"] for row in tested])
    columns = {
        "month": pa.int32(),
        "seasonal_index": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "whole_years": pa.int64(),
        "expected": pa.float64(),
        "q_value": pa.float64(),
    }
    rows_with_q = [row | {"q_value": q} for row, q in zip(tested, adjusted, strict=True)]
    return pa.Table.from_pylist(rows_with_q, pa.schema(columns))


def _whole_years(warehouse: Warehouse) -> list[int]:
    """Return the reviews of each year that the index is computed from."""
    years = rows(
        warehouse,
        "SELECT m.year, SUM(m.reviews) AS reviews "
        f"FROM {warehouse.relation('gold/year_months')} AS m GROUP BY m.year "
        "HAVING COUNT(CASE WHEN NOT m.partial THEN 1 END) = 12",
    )
    reviews: list[int] = years["reviews"].to_pylist()
    return reviews


def _effective(years: Iterable[int]) -> float:
    """Return the effective number of years of unequal size, by L. Kish."""
    sizes = [*years]
    return sum(sizes) ** 2 / max(1, sum(size * size for size in sizes))


def _greater(difference: float, half: float, freedom: float) -> float:
    """Return the probability of so great a difference, from half of its 95 % interval by t."""
    if half == 0 or freedom <= 0:
        return 1.0 if difference <= 0 or freedom <= 0 else 0.0
    wallace = (8 * freedom + 3) / (8 * freedom + 1)
    error = half / math.sqrt(freedom * math.expm1((NORMAL_95 * wallace) ** 2 / freedom))
    normal = math.sqrt(freedom * math.log1p((difference / error) ** 2 / freedom)) / wallace
    return math.erfc(math.copysign(normal, difference) / math.sqrt(2)) / 2
