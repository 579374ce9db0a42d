"""Components of the pages: tabs, tiles, charts and tables with their downloads."""

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from amazon_reviews.errors import NoDataError
from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.serving.charts.style import AnyChart, png_bytes, visible
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.shown_text import write_csv

NO_ROWS = "No data matches these filters."
COLUMN_TITLES = {"asin": "ASIN", "p_value": "p", "q_value": "q"}
_PRICES = ("price", "price_min", "price_max", "mean_price")


def sections(
    page: str, contents: Mapping[str, Callable[[Filters], None]], filters: Filters
) -> None:
    """Show tabs, of which only the open one is built; the address of the page names it."""
    tabs = st.tabs(list(contents), key=f"{page}_tab", bind="query-params")
    for tab, content in zip(tabs, contents.values(), strict=True):
        if tab.open:
            with tab:
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


def chart(name: str, build: Callable[[pa.Table], AnyChart], rows: pa.Table) -> None:
    """Show a chart of rows, with its rows as CSV and its picture as PNG to download."""
    if not rows.num_rows:
        st.info(NO_ROWS, icon=":material/filter_alt_off:")
        return
    drawing = build(visible(rows))
    with st.container(border=True, key=f"chart-{name}"):
        st.altair_chart(drawing, width="stretch")
        with st.container(horizontal=True):
            _csv(name, rows, f"chart-{name}")
            st.download_button(
                "PNG",
                partial(png_bytes, drawing),
                f"{name}.png",
                "image/png",
                key=f"{name}-png",
                on_click="ignore",
                type="tertiary",
                icon=":material/image:",
            )


def table(
    name: str,
    rows: pa.Table,
    hidden: Sequence[str] = (),
    links: Mapping[str, str] | None = None,
) -> None:
    """Show rows as a table, with the same rows as CSV to download. A missing text is Unknown.

    A value of a column of `links` is a link to the address there, followed by the value.
    """
    if not rows.num_rows:
        st.info(NO_ROWS, icon=":material/filter_alt_off:")
        return
    columns = with_unknown(rows.drop_columns(list(hidden)))
    titles = {field.name: column_config(field) for field in columns.schema}
    linked = columns
    for column, address in (links or {}).items():
        addresses = pc.binary_join_element_wise(address, linked[column], "")
        linked = linked.set_column(linked.column_names.index(column), column, addresses)
        titles[column] = st.column_config.LinkColumn(column, display_text=r"([^=]*)$")
    with st.container(border=True, key=f"table-{name}"):
        alt = name.replace("_", " ")
        st.dataframe(
            visible(linked), hide_index=True, column_config=titles, alt=alt, placeholder="–"
        )
        _csv(name, columns, f"table-{name}")


def with_unknown(rows: pa.Table) -> pa.Table:
    """Return rows in which each missing text is Unknown."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_string(field.type):
            rows = rows.set_column(place, field, pc.fill_null(rows.column(place), UNKNOWN))
    return rows


def note(filters: Filters, columns: Sequence[str] = ()) -> None:
    """Show a note if a filter is set that does not apply to the figures below it.

    Only the filters on `columns` apply to them.
    """
    if not filters.set_beyond(columns):
        return
    names = {"main_category": "category"}
    used = " and ".join(names.get(column, column) for column in columns)
    which = f"Only the filter by {used} applies here" if used else "The filters do not apply here"
    st.caption(f":material/filter_alt_off: {which}: these figures cover all other reviews too.")


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
    if pa.types.is_floating(field.type):
        part = "share" in field.name
        probability = field.name in ("p_value", "q_value")
        return st.column_config.NumberColumn(
            title, format="percent" if part else "%.4f" if probability else "%.2f"
        )
    if pa.types.is_integer(field.type) and "year" not in field.name:
        return st.column_config.NumberColumn(title, format="localized")
    return st.column_config.Column(title)
