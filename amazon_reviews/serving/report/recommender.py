"""The evaluation of the recommender methods as Markdown tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from amazon_reviews.atomic_file import replacing
from amazon_reviews.models.recommender.names import METHOD_NAMES, SPLITS
from amazon_reviews.resources.built_files import stamped_markdown
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas.built import Built
from amazon_reviews.serving.queries.recommender import evaluation
from amazon_reviews.shown_text import markdown_table

Figures = dict[str, tuple[float, float | None, float | None]]
"""Value by name, and the ends of its confidence interval or None."""
ByMethod = dict[str, Figures]
_Table = tuple[tuple[str, ...], list[tuple[str, ...]]]

_RANKED = ("recall", "ndcg", "hit_rate", "map")
_AT_10 = (*(f"{name}@10" for name in _RANKED), "coverage@10", "novelty@10")
_OTHERS = tuple(f"{name}@{k}" for k in (5, 20) for name in _RANKED)
_TITLE = "# Evaluation of the recommender methods"
_LEGEND = (
    "Every method ranks all products that a user has not rated. Figures are means over users, with "
    "the 95 % confidence interval in brackets. *hybrid is better by* is the mean difference of "
    "NDCG@10 of the same user: if its interval does not contain 0, it is unlikely to be chance "
    "alone. *cold complete* is the share of users without a history whose ranking is complete."
)
_COMPARED = ("ndcg@10", "ndcg@10_behind_hybrid")


def write_methods(warehouse: Warehouse, path: Path, *, built: Built | None = None) -> int:
    """Write the tables from the current evaluation; return the file's size in bytes.

    The file holds the record `built`, if there is one.

    Raises:
        WarehouseError: the evaluation does not exist, or cannot be read.
        OSError: the file cannot be written.
    """
    page = methods_page(evaluation(warehouse))
    written = (stamped_markdown(page, built) if built else page).encode()
    with replacing(path) as file:
        file.write(written)
    return len(written)


def methods_page(rows: pa.Table) -> str:
    """Return tables of all methods for each split, from rows of gold/recommender_evaluation."""
    splits = _by_split(rows)
    blocks = [block for split in splits for block in _section(split, splits[split])]
    parts = [_LEGEND, *blocks] if blocks else ["No method has been evaluated."]
    return "\n\n".join([_TITLE, *parts]) + "\n"


def methods_tables(rows: pa.Table) -> dict[str, _Table]:
    """Return for each split the figures at 10 of all users: header, and one row per method."""
    return {split: _at_10(groups["all"]) for split, groups in _by_split(rows).items()}


def _section(split: str, groups: dict[str, ByMethod]) -> Iterator[str]:
    methods = groups["all"]
    yield f"## The {split} split"
    yield _common_figures(next(iter(methods.values())))
    yield markdown_table(*_at_10(methods))
    yield "The same at 5 and at 20:"
    yield markdown_table(
        ("method", *_OTHERS),
        (
            (name, *(_text(figures, figure) for figure in _OTHERS))
            for name, figures in methods.items()
        ),
    )
    parts = {group: by_method for group, by_method in groups.items() if group != "all"}
    yield "NDCG@10 by group of users:"
    yield markdown_table(
        ("method", *(f"{group} ({_users(part):,})" for group, part in parts.items())),
        ((name, *(_text(part[name], "ndcg@10") for part in parts.values())) for name in methods),
    )


def _common_figures(any_method: Figures) -> str:
    """Return a sentence with the figures that are the same for all methods."""
    users, cold, items = (
        int(any_method[name][0]) for name in ("users", "cold_users", "cold_items")
    )
    mean, biases = (
        f"{any_method[f'rmse_{name}'][0]:.4f} and {any_method[f'mae_{name}'][0]:.4f}"
        for name in ("global_mean", "biases")
    )
    return (
        f"{users:,} users were evaluated, {cold:,} of them cold; {items:,} of the relevant ratings "
        f"are of cold items. RMSE and MAE of the global mean are {mean}, of biases alone {biases}."
    )


def _at_10(methods: ByMethod) -> _Table:
    header = ("method", *_AT_10, "hybrid is better by", "cold complete", "rmse", "mae", "fit s")
    rows = (
        (
            method,
            *(_text(figures, name) for name in _AT_10),
            _text(figures, "ndcg@10_behind_hybrid"),
            _text(figures, "cold_users_answered", ".2f"),
            _text(figures, "rmse"),
            _text(figures, "mae"),
            _text(figures, "fit_seconds", ".2f"),
        )
        for method, figures in methods.items()
    )
    return header, [*rows]


def _users(methods: ByMethod) -> int:
    return int(next(iter(methods.values()))["users"][0])


def _text(figures: Figures, name: str, form: str = ".4f") -> str:
    """Return a figure, with its interval if methods are compared by it."""
    if name not in figures:
        return ""
    value, low, high = figures[name]
    between = "" if low is None or name not in _COMPARED else f" ({low:{form}} to {high:{form}})"
    return f"{value:{form}}{between}"


def _place(row: dict[str, Any]) -> tuple[int, str, int]:
    return SPLITS.index(row["split"]), row["group"], METHOD_NAMES.index(row["method"])


def _by_split(rows: pa.Table) -> dict[str, dict[str, ByMethod]]:
    """Return the figures by split, group of users and method, in their order."""
    splits: dict[str, dict[str, ByMethod]] = {}
    for row in sorted(rows.to_pylist(), key=_place):
        of_group = splits.setdefault(row["split"], {}).setdefault(row["group"], {})
        of_group.setdefault(row["method"], {})[row["figure"]] = tuple(
            row[name] for name in ("value", "low", "high")
        )
    return splits
