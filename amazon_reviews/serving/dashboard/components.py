"""Components of the pages: tabs, tiles, charts and tables with their downloads."""

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias
from zlib import crc32

import altair as alt
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from amazon_reviews.errors import NoDataError
from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts.style import CLICKED, AnyChart, png_bytes, visible
from amazon_reviews.serving.dashboard.filters import chosen_filters
from amazon_reviews.serving.dashboard.links import clicked_mark, clicked_row
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.shown_text import write_csv

Content: TypeAlias = Callable[[Filters], None]

NO_ROWS = "No data matches these filters."
COLUMN_TITLES = {
    "asin": "ASIN",
    "main_category": "category",
    "overall": "stars",
    "rated": "rated reviews",
    "shrunk_stars": "adjusted stars",
    "low": "95 % from",
    "high": "95 % to",
    "secondary_category": "subcategory",
    "share_low": "95 % from, share",
    "share_high": "95 % to, share",
    "excess_low": "95 % from, excess",
    "excess_high": "95 % to, excess",
    "price_min": "lowest price",
    "price_max": "highest price",
    "first_on": "first review",
    "last_on": "newest review",
    "p_value": "p",
    "q_value": "q",
}
"""Titles of columns of tables that differ from their names."""

_PRICES = ("price", "price_min", "price_max", "mean_price")


def sections(page: str, tabs: Mapping[str, tuple[Content, Collection[str]]]) -> None:
    """Show tabs: each its content, with the filters that act on all of it.

    Only the open tab is built; the address of the page names it.
    """
    opened = st.tabs(list(tabs), key=f"{page}_tab", bind="query-params")
    for tab, (name, (content, filtered)) in zip(opened, tabs.items(), strict=True):
        if tab.open:
            with tab:
                filters = chosen_filters(f"{page}/{name}", filtered)
                guarded(partial(content, filters))


def guarded(content: Callable[[], None]) -> None:
    """Show content, or the reason why it has no data."""
    try:
        content()
    except NoDataError as reason:
        st.info(str(reason), icon=":material/info:")


def tiles(numbers: Mapping[str, str]) -> None:
    """Show figures in a row, or in a column on a narrow screen."""
    with st.container(horizontal=True):
        for label, value in numbers.items():
            st.metric(label, value, border=True, width=170)


def chart(
    name: str,
    build: Callable[[pa.Table], AnyChart],
    rows: pa.Table,
    on_click: str | None = None,
) -> None:
    """Show a chart of rows, with its rows as CSV and its picture as PNG to download.

    A click on a mark filters by its value of the column `on_click`, or opens its page.
    """
    if not rows.num_rows:
        st.info(NO_ROWS, icon=":material/filter_alt_off:")
        return
    # Streamlit leaves room for a menu below a chart, which has none, and would take the room for
    # title and legend from the plot.
    autosize = alt.AutoSizeParams(type="fit-x", contains="padding")
    built = build(visible(rows))
    drawing = built.properties(padding={"bottom": 5}, autosize=autosize)
    with st.container(border=True, key=f"chart-{name}", height="stretch"):
        if on_click:
            values = rows[on_click].to_pylist()
            # A chart of other rows has no mark selected, so that the next click counts.
            key = f"marks-{name}-{crc32(repr(values).encode())}"
            st.altair_chart(
                drawing,
                key=key,
                on_select=partial(clicked_mark, key, CLICKED, on_click, values),
                selection_mode=CLICKED,
            )
        else:
            st.altair_chart(drawing)
        with st.container(horizontal=True):
            _csv(name, rows, f"chart-{name}")
            st.download_button(
                "PNG",
                partial(png_bytes, built),
                f"{name}.png",
                "image/png",
                key=f"{name}-png",
                on_click="ignore",
                type="tertiary",
                icon=":material/image:",
            )


def side_by_side(*contents: Callable[[], None]) -> None:
    """Show contents in columns of equal height, below each other on a narrow screen."""
    for column, content in zip(st.columns(len(contents)), contents, strict=True):
        with column:
            guarded(content)


def table(
    name: str, rows: pa.Table, hidden: Sequence[str] = (), on_click: str | None = None
) -> None:
    """Show rows as a table, with the same rows as CSV to download. A missing text is Unknown.

    A click on a row opens the page of its value of the column `on_click`.
    """
    if not rows.num_rows:
        st.info(NO_ROWS, icon=":material/filter_alt_off:")
        return
    columns = with_unknown(rows.drop_columns(list(hidden)))
    titles = {field.name: column_config(field) for field in columns.schema}
    options: dict[str, Any] = {}
    if on_click:
        key = f"rows-{name}"
        follow = partial(clicked_row, key, on_click, rows[on_click].to_pylist())
        options = {"key": key, "on_select": follow, "selection_mode": "single-cell"}
    with st.container(border=True, key=f"table-{name}"):
        st.dataframe(
            visible(_with_units(columns)),
            hide_index=True,
            column_config=titles,
            alt=name.replace("_", " "),
            placeholder="–",
            **options,
        )
        _csv(name, columns, f"table-{name}")


def _with_units(rows: pa.Table) -> pa.Table:
    """Return rows with shares in percent, and yes or no for what is true or not."""
    for place, field in enumerate(rows.schema):
        column = rows.column(place)
        if pa.types.is_boolean(field.type):
            rows = rows.set_column(place, field.name, pc.if_else(column, "yes", "no"))
        elif _is_share(field):
            rows = rows.set_column(place, field, pc.multiply(column, 100.0))
    return rows


def _is_share(field: pa.Field) -> bool:
    return pa.types.is_floating(field.type) and "share" in field.name


def with_unknown(rows: pa.Table) -> pa.Table:
    """Return rows in which each missing text is Unknown."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_string(field.type):
            rows = rows.set_column(place, field, pc.fill_null(rows.column(place), UNKNOWN))
    return rows


def compact(number: float | None) -> str:
    """Return a number with about three digits: 950, 1.2k, 34M; – for None."""
    if number is None:
        return "–"
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}" if number % 1 else f"{number:.0f}"


def stars(mean: float | None) -> str:
    """Return mean stars with two decimals; – for None."""
    return "–" if mean is None else f"{mean:.2f} ★"


def share(part: float | None, whole: float | None) -> str:
    """Return a part of a whole in percent; – without a whole."""
    return f"{part / whole:.1%}" if whole and part is not None else "–"


def csv_bytes(rows: pa.Table) -> bytes:
    """Return rows as CSV; a text that a spreadsheet would run as a formula gets an apostrophe."""
    text = io.StringIO(newline="")
    write_csv(text, [rows.column_names, *(row.values() for row in rows.to_pylist())])
    return text.getvalue().encode()


def _csv(name: str, rows: pa.Table, within: str) -> None:
    st.download_button(
        "CSV",
        partial(csv_bytes, rows),
        f"{name}.csv",
        "text/csv",
        key=f"{within}-csv",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )


def column_config(field: pa.Field) -> ColumnConfig:
    """Return title and number format of a column."""
    title = COLUMN_TITLES.get(field.name, field.name.replace("_", " "))
    if field.name in _PRICES:
        return st.column_config.NumberColumn(title, format="dollar")
    if field.name in ("overall", "stars"):
        return st.column_config.NumberColumn(title, format="%g ★")
    if _is_share(field):
        return st.column_config.NumberColumn(title, format="%.1f %%")
    if pa.types.is_floating(field.type):
        probability = field.name in ("p_value", "q_value")
        return st.column_config.NumberColumn(title, format="%.4f" if probability else "%.2f")
    if pa.types.is_integer(field.type) and "year" not in field.name:
        return st.column_config.NumberColumn(title, format="localized")
    return st.column_config.Column(title)
