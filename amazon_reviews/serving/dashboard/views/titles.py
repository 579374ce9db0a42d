"""Streaming titles: the queries of their source system, a search, predictions and charts."""

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from amazon_reviews.schemas.vocabulary import PLATFORMS
from amazon_reviews.serving.charts import titles as charts
from amazon_reviews.serving.dashboard.components import (
    chart,
    compact,
    sections,
    side_by_side,
    table,
    tiles,
)
from amazon_reviews.serving.dashboard.models import title_ratings_model
from amazon_reviews.serving.dashboard.pseudonyms import NO_KEY, pseudonymizer
from amazon_reviews.serving.dashboard.warehouse import read
from amazon_reviews.serving.queries import titles
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.titles import DURATION_TYPES, TYPES, TitleFilters
from amazon_reviews.shown_text import visible_text

if TYPE_CHECKING:
    from amazon_reviews.models.recommender.model import RecommenderModel

_ANY = "any"
_AVERAGE_USER = "an average user"
_USERS = 50
_HIDDEN = ("description", "actors", "rescued", "rating_imputed", "mean_rating_rounded")


def show() -> None:
    """Show the tabs of the page."""
    tabs = {
        "Longest": _longest,
        "Above a score": _scored,
        "Films": _films,
        "Actors": _actors,
        "Search": _search,
        "Predict": _predict,
        "Explore": _explore,
    }
    sections("titles", {name: (content, ()) for name, content in tabs.items()})


def _longest(filters: Filters) -> None:
    unit = st.selectbox("Duration in", DURATION_TYPES, key="titles_unit")
    chosen = _chosen("longest", type_of=None, duration_type=unit)
    table("titles_longest", read(titles.longest, chosen), _HIDDEN)


def _scored(filters: Filters) -> None:
    above = st.slider("Mean rating above", 0.5, 5.0, 3.0, 0.1, key="titles_above")
    (row,) = read(titles.score_count, _chosen("scored"), above).to_pylist()
    tiles({"Titles above": f"{row['titles']:,}", "Rated titles": f"{row['rated']:,}"})


def _films(filters: Filters) -> None:
    (row,) = read(titles.count, _chosen("films")).to_pylist()
    tiles({"Titles": f"{row['titles']:,}"})
    chart("titles_types", charts.types, read(titles.by_type))


def _actors(filters: Filters) -> None:
    table("titles_actors", read(titles.top_actors, _chosen("actors", type_of=None)))


def _search(filters: Filters) -> None:
    text = st.text_input("Title or id", key="titles_search", icon=":material/search:").strip()
    rows = read(titles.search, text, _chosen("search", type_of=None), titles.PAGE_ROWS)
    table("titles_found", rows, _HIDDEN)


def _predict(filters: Filters) -> None:
    """Show the predicted rating of a title by a user, and the errors of such predictions."""
    model = title_ratings_model().model
    users = {_AVERAGE_USER: "", **_some_users(model)}
    user = users[st.selectbox("User", list(users), key="titles_user")]
    text = st.text_input("Title or id", key="titles_rated", icon=":material/search:").strip()
    matches = read(titles.search, text, TitleFilters(), titles.PAGE_ROWS).to_pylist()
    names = {
        row["id"]: visible_text(f"{row['title']} · {row['platform']} · {row['id']}")
        for row in matches
    }
    if not names:
        st.info("No title is found.", icon=":material/search_off:")
        return
    chosen = st.selectbox("Title", list(names), format_func=names.__getitem__)
    predicted = model.predict_rating(user, chosen)
    tiles({"Predicted rating": f"{predicted.rating:.1f} of 5"})
    if not predicted.knows_item:
        st.warning(
            "This title has no ratings: an average title is assumed.", icon=":material/ac_unit:"
        )
    table("titles_errors", read(titles.prediction_errors))


def _some_users(model: "RecommenderModel") -> dict[str, str]:
    """Return the ids of some users by pseudonym; without a key of pseudonyms none, and a note."""
    pseudonym = pseudonymizer()
    if pseudonym is None:
        st.caption(NO_KEY)
        return {}
    ids = model.user_ids[:: max(len(model.user_ids) // _USERS, 1)].tolist()[:_USERS]
    # In their own order, pseudonyms say nothing of the ids.
    return dict(sorted((pseudonym(user), user) for user in ids))


def _explore(filters: Filters) -> None:
    (row,) = read(titles.totals).to_pylist()
    figures = ("titles", "movies", "shows", "ratings")
    tiles({name.capitalize(): compact(row[name]) for name in figures})
    side_by_side(
        partial(chart, "titles_years", charts.years, read(titles.by_year)),
        partial(chart, "titles_minutes", charts.minutes, read(titles.by_minutes)),
    )
    side_by_side(
        partial(chart, "titles_scores", charts.scores, read(titles.by_score)),
        partial(chart, "titles_missing", charts.missing, read(titles.missing)),
    )


def _chosen(
    key: str, type_of: str | None = "movie", duration_type: str | None = None
) -> TitleFilters:
    """Show controls for platform, year and type; `type_of` is the type that is chosen at first."""
    with st.container(horizontal=True):
        platform = st.selectbox("Platform", [_ANY, *PLATFORMS], key=f"titles_{key}_platform")
        kinds = [_ANY, *TYPES]
        first = kinds.index(type_of or _ANY)
        kind = st.selectbox("Type", kinds, first, key=f"titles_{key}_type")
        year = st.number_input(
            "Year of release", 1870, 2100, None, key=f"titles_{key}_year", placeholder=_ANY
        )
    return TitleFilters(
        platform=None if platform == _ANY else platform,
        year=year,
        type=None if kind == _ANY else kind,
        duration_type=duration_type,
    )
