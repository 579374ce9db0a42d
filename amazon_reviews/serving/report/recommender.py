"""How good the recommenders are, as Markdown: the tables of all methods."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from amazon_reviews.atomic_file import replacing
from amazon_reviews.markdown import markdown
from amazon_reviews.models.recommender.names import METHOD_NAMES, SPLITS
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.queries.recommender import evaluation

Figures = dict[str, tuple[float, float | None, float | None]]
"""By name: a value, and the ends of its interval if it has one."""
ByMethod = dict[str, Figures]

_RANKED = ("recall", "ndcg", "hit_rate", "map")
_AT_10 = (*(f"{name}@10" for name in _RANKED), "coverage@10", "novelty@10")
_OTHERS = tuple(f"{name}@{k}" for k in (5, 20) for name in _RANKED)
_TITLE = "# How good the recommenders are"
_LEGEND = (
    "Every method ranks all products that a user has not rated. Figures are means over users, "
    "between brackets is an interval of 95 %. *hybrid is better by* is a difference of NDCG@10, "
    "user by user: where its interval does not hold 0, chance does not explain it. *cold answered* "
    "is the part of the users without a history who got a full list."
)
_COMPARED = ("ndcg@10", "ndcg@10_behind_hybrid")


def write_methods(warehouse: Warehouse, path: Path) -> int:
    """Write the tables of what the warehouse holds now; gives the file's size in bytes.

    Raises:
        WarehouseError: the evaluation is not there, or cannot be read.
        OSError: the file cannot be written.
    """
    page = methods_page(evaluation(warehouse)).encode()
    with replacing(path) as file:
        file.write(page)
    return len(page)


def methods_page(rows: pa.Table) -> str:
    """Tables of all methods for each split, from the rows of gold/recommender_evaluation."""
    found = _by_split(rows)
    blocks = [block for split in found for block in _section(split, found[split])]
    parts = [_LEGEND, *blocks] if blocks else ["Nothing was measured."]
    return "\n\n".join([_TITLE, *parts]) + "\n"


def methods_tables(rows: pa.Table) -> dict[str, str]:
    """For each split the figures at 10 of all users, a method a row."""
    found = _by_split(rows)
    return {split: _at_10(found[split]["all"]) for split in found}


def _section(split: str, groups: dict[str, ByMethod]) -> Iterator[str]:
    methods = groups["all"]
    yield f"## The {split} split"
    yield _asked(next(iter(methods.values())))
    yield _at_10(methods)
    yield "The same at 5 and at 20:"
    yield markdown(
        ("method", *_OTHERS),
        ((name, *(_shown(one, figure) for figure in _OTHERS)) for name, one in methods.items()),
    )
    parts = {group: own for group, own in groups.items() if group != "all"}
    yield "NDCG@10 by group of users:"
    yield markdown(
        ("method", *(f"{group} ({_users(own):,})" for group, own in parts.items())),
        ((name, *(_shown(own[name], "ndcg@10") for own in parts.values())) for name in methods),
    )


def _asked(any_method: Figures) -> str:
    """What is the same for all methods."""
    users, cold, items = (
        int(any_method[name][0]) for name in ("users", "cold_users", "cold_items")
    )
    mean, biases = (
        f"{any_method[f'rmse_{name}'][0]:.4f} and {any_method[f'mae_{name}'][0]:.4f}"
        for name in ("global_mean", "biases")
    )
    return (
        f"{users:,} users were asked for, {cold:,} of them cold; {items:,} of the ratings wanted "
        f"are of cold items. RMSE and MAE of the global mean are {mean}, of biases alone {biases}."
    )


def _at_10(methods: ByMethod) -> str:
    header = ("method", *_AT_10, "hybrid is better by", "cold answered", "rmse", "mae", "fit s")
    rows = (
        (
            method,
            *(_shown(figures, name) for name in _AT_10),
            _shown(figures, "ndcg@10_behind_hybrid"),
            _shown(figures, "cold_users_answered", ".2f"),
            _shown(figures, "rmse"),
            _shown(figures, "mae"),
            _shown(figures, "fit_seconds", ".2f"),
        )
        for method, figures in methods.items()
    )
    return markdown(header, rows)


def _users(methods: ByMethod) -> int:
    return int(next(iter(methods.values()))["users"][0])


def _shown(figures: Figures, name: str, form: str = ".4f") -> str:
    """A figure, with its interval if it is the one that methods are compared by."""
    if name not in figures:
        return ""
    value, low, high = figures[name]
    between = "" if low is None or name not in _COMPARED else f" ({low:{form}} to {high:{form}})"
    return f"{value:{form}}{between}"


def _place(row: dict[str, Any]) -> tuple[int, str, int]:
    return SPLITS.index(row["split"]), row["group"], METHOD_NAMES.index(row["method"])


def _by_split(rows: pa.Table) -> dict[str, dict[str, ByMethod]]:
    """By split and group of users, the methods in their order."""
    found: dict[str, dict[str, ByMethod]] = {}
    for row in sorted(rows.to_pylist(), key=_place):
        of_group = found.setdefault(row["split"], {}).setdefault(row["group"], {})
        of_group.setdefault(row["method"], {})[row["figure"]] = tuple(
            row[name] for name in ("value", "low", "high")
        )
    return found
