"""Parts that every page is made of."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pyarrow as pa
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from amazon_reviews.serving.charts.png import png_bytes
from amazon_reviews.serving.charts.style import AnyChart
from amazon_reviews.serving.dashboard.downloads import csv_bytes
from amazon_reviews.serving.dashboard.warehouse import UnanswerableError
from amazon_reviews.serving.queries.filters import Filters

NOTHING = "Nothing is left for these filters."
COLUMN_TITLES = {"asin": "ASIN", "p_value": "p", "as_of": "as of"}


def sections(
    page: str, contents: Mapping[str, Callable[[Filters], None]], filters: Filters
) -> None:
    """Tabs of which only the open one is made; the address keeps it."""
    tabs = st.tabs(list(contents), key=f"{page}_tab", bind="query-params")
    for tab, content in zip(tabs, contents.values(), strict=True):
        if tab.open:
            with tab:
                guarded(partial(content, filters))


def guarded(content: Callable[[], None]) -> None:
    """Make content, or say why it cannot be."""
    try:
        content()
    except UnanswerableError as reason:
        st.info(str(reason), icon=":material/info:")


def tiles(numbers: Mapping[str, str]) -> None:
    """Figures beside each other, below each other on a narrow screen."""
    with st.container(horizontal=True):
        for label, value in numbers.items():
            st.metric(label, value, border=True, width=170)


def chart(name: str, build: Callable[[pa.Table], AnyChart], rows: pa.Table) -> None:
    """A chart of rows, with those rows as CSV and the picture as PNG to download."""
    if not rows.num_rows:
        st.info(NOTHING, icon=":material/filter_alt_off:")
        return
    made = build(rows)
    with st.container(border=True, key=f"chart-{name}"):
        st.altair_chart(made, width="stretch")
        with st.container(horizontal=True):
            _csv(name, rows, f"chart-{name}")
            st.download_button(
                "PNG",
                partial(png_bytes, made),
                f"{name}.png",
                "image/png",
                key=f"{name}-png",
                on_click="ignore",
                type="tertiary",
                icon=":material/image:",
            )


def table(name: str, rows: pa.Table, hidden: Sequence[str] = ()) -> None:
    """Rows as a table, with the same rows as CSV to download."""
    if not rows.num_rows:
        st.info(NOTHING, icon=":material/filter_alt_off:")
        return
    shown = rows.drop_columns(list(hidden))
    titles = {field.name: _column(field) for field in shown.schema}
    with st.container(border=True, key=f"table-{name}"):
        st.dataframe(shown, hide_index=True, column_config=titles, alt=name.replace("_", " "))
        _csv(name, shown, f"table-{name}")


def note(filters: Filters, columns: Sequence[str] = ()) -> None:
    """Say plainly that of the filters only those on these columns count for what follows."""
    if not filters.set_beyond(columns):
        return
    names = {"main_category": "category"}
    used = " and ".join(names.get(column, column) for column in columns)
    which = f"Of the filters only {used} counts here" if used else "The filters do not count here"
    st.caption(f":material/filter_alt_off: {which}: these figures cover all other reviews too.")


def compact(number: float | None) -> str:
    """A number in three digits or so: 950, 1.2k, 34M; – for none."""
    if number is None:
        return "–"
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}" if number % 1 else f"{number:.0f}"


def stars(mean: float | None) -> str:
    """Mean stars with two digits; – for none."""
    return "–" if mean is None else f"{mean:.2f} ★"


def share(part: float | None, whole: float | None) -> str:
    """A part of a whole in percent; – where there is no whole."""
    return f"{part / whole:.1%}" if whole and part is not None else "–"


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


def _column(field: pa.Field) -> ColumnConfig:
    title = COLUMN_TITLES.get(field.name, field.name.replace("_", " "))
    if pa.types.is_floating(field.type):
        part = "share" in field.name or field.name == "priority"
        return st.column_config.NumberColumn(
            title, format="percent" if part else "%.4f" if field.name == "p_value" else "%.2f"
        )
    if pa.types.is_integer(field.type) and "year" not in field.name:
        return st.column_config.NumberColumn(title, format="localized")
    return st.column_config.Column(title)
