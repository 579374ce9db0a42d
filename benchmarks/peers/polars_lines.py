r"""JSON lines in Polars: fields as texts, also from lines that `json_decode` would stop at.

`json_decode` raises on a line that is not JSON, and on an array or object where its schema has a
text. So a regular expression selects the lines with known fields of simple types. They are decoded
in one pass, and the few others with `json_path_match`, which is slower and returns null.
"""

import json
from collections.abc import Sequence

import polars as pl

STRINGS = pl.Map(pl.String, pl.String)
_TEXT = (
    r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
    r'|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*"'
)
_SCALAR = rf"(?:{_TEXT}|-?(?:0|[1-9][0-9]{{0,17}})(?:\.[0-9]{{1,17}})?|true|false|null)"
_LIST = rf"\[\s*(?:{_TEXT}(?:\s*,\s*{_TEXT})*)?\s*\]"
_PAIR = rf"{_TEXT}\s*:\s*{_SCALAR}"
_OBJECT = rf"\{{\s*(?:{_PAIR}(?:\s*,\s*{_PAIR})*)?\s*\}}"


def with_fields(
    lines: pl.LazyFrame, names: Sequence[str], containers: Sequence[str] = ()
) -> pl.LazyFrame:
    """Add the columns is_json, is_object, irregular (the line) and one text for each name.

    The text of an array or object is its JSON. `containers` are the names of the fields that often
    are one.
    """
    scalars = [name for name in names if name not in containers]
    raw, regular, irregular = pl.col("raw"), pl.col("regular"), pl.col("irregular")
    is_text = pl.col("encoding") == "utf-8"
    is_regular = raw.str.contains(_regular_line(scalars, containers))
    is_object = pl.col("whole").str.starts_with("{").fill_null(value=False)
    # One step for each intermediate result: within a step it would be computed for every use.
    return (
        lines.with_columns(is_regular=is_text & is_regular)
        .with_columns(
            regular=pl.when("is_regular").then(raw),
            irregular=pl.when(is_text & ~pl.col("is_regular")).then(raw),
        )
        .with_columns(
            decoded=regular.str.json_decode(pl.Struct(dict.fromkeys(scalars, pl.String))),
            whole=irregular.str.json_path_match("$"),
            **{f"written_{name}": _written(regular, name) for name in containers},
        )
        .with_columns(
            is_json=pl.col("is_regular")
            | pl.col("whole").is_not_null()
            | (irregular.str.strip_chars() == "null"),
            is_object=pl.col("is_regular") | is_object,
            irregular=pl.when(is_object).then("irregular"),
            **{name: pl.col("decoded").struct.field(name) for name in scalars},
            **{name: _container_text(pl.col(f"written_{name}")) for name in containers},
        )
        .with_columns(
            pl.coalesce(name, irregular.str.json_path_match(f"$.{name}")).alias(name)
            for name in names
        )
    )


def _regular_line(scalars: Sequence[str], containers: Sequence[str]) -> str:
    pair = rf'"(?:{"|".join(scalars)})"\s*:\s*{_SCALAR}'
    if containers:
        value = rf"(?:{_SCALAR}|{_LIST}|{_OBJECT})"
        pair = rf'(?:{pair}|"(?:{"|".join(containers)})"\s*:\s*{value})'
    return rf"^\s*\{{\s*{pair}(?:\s*,\s*{pair})*\s*\}}\s*$"


def _written(line: pl.Expr, name: str) -> pl.Expr:
    """Return the JSON of a field of a regular line that is a text, an array or an object."""
    return line.str.extract(rf'"{name}"\s*:\s*({_TEXT}|{_LIST}|{_OBJECT})')


def _container_text(written: pl.Expr) -> pl.Expr:
    """Return the value of a text, and the JSON of an array or object."""
    is_text = written.str.starts_with('"')
    text = pl.when(is_text).then(written).str.json_decode(pl.String)
    return pl.when(is_text).then(text).otherwise(written)


def is_container(raw: pl.Expr, name: str) -> pl.Expr:
    """Return true where the field is an array or object."""
    return raw.str.contains(rf'"{name}"\s*:\s*[\[{{]')


def unknown_fields(line: pl.Expr, names: Sequence[str]) -> pl.Expr:
    """Return the fields without a known name; Polars has no function for the keys of an object."""
    known = set(names)
    compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

    def unknown(text: str | None) -> dict[str, str | None] | None:
        if text is None:
            return None
        record = json.loads(text)
        rest = {
            name: value if isinstance(value, str) or value is None else compact.encode(value)
            for name, value in record.items()
            if name not in known
        }
        return rest or None

    def of_batch(lines: pl.Series) -> pl.Series:
        return pl.Series(lines.name, [unknown(text) for text in lines], dtype=STRINGS)

    return line.map_batches(of_batch, return_dtype=STRINGS, is_elementwise=True)


def string_map(text: pl.Expr) -> pl.Expr:
    """Return a JSON object of scalars as a map, and null for other texts."""
    is_map = text.str.contains(rf"^\s*{_OBJECT}\s*$")
    return pl.when(is_map).then(text).str.json_decode(STRINGS)


def string_list(text: pl.Expr) -> pl.Expr:
    """Return a JSON array of strings as a list, and null for other texts."""
    is_list = text.str.contains(rf"^\s*{_LIST}\s*$")
    return pl.when(is_list).then(text).str.json_decode(pl.List(pl.String))
