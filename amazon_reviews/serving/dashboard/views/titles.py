"""Streaming titles: the questions of their source, a search, and how they are distributed."""

import streamlit as st

from amazon_reviews.schemas.vocabulary import PLATFORMS
from amazon_reviews.serving.charts import titles as charts
from amazon_reviews.serving.dashboard.components import chart, compact, note, sections, table, tiles
from amazon_reviews.serving.dashboard.models import title_ratings_in_use
from amazon_reviews.serving.dashboard.warehouse import ask
from amazon_reviews.serving.queries import titles
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.titles import DURATION_TYPES, TYPES, TitleFilters

_ANY = "any"
_HIDDEN = ("description", "actors", "rescued", "rating_imputed", "mean_rating_rounded")


def show(filters: Filters) -> None:
    """One tab per question."""
    contents = {
        "Longest": _longest,
        "Above a score": _scored,
        "Films": _films,
        "Actors": _actors,
        "Search": _search,
        "Predict": _predict,
        "Explore": _explore,
    }
    note(filters)
    sections("titles", contents, filters)


def _longest(filters: Filters) -> None:
    unit = st.selectbox("Duration in", DURATION_TYPES, key="titles_unit")
    chosen = _chosen("longest", type_of=None, duration_type=unit)
    table("titles_longest", ask(titles.longest, chosen, 20), _HIDDEN)


def _scored(filters: Filters) -> None:
    above = st.slider("Mean rating above", 0.5, 5.0, 3.0, 0.1, key="titles_above")
    (row,) = ask(titles.score_count, _chosen("scored"), above).to_pylist()
    tiles({"Titles above": f"{row['titles']:,}", "Rated titles": f"{row['rated']:,}"})


def _films(filters: Filters) -> None:
    (row,) = ask(titles.count, _chosen("films")).to_pylist()
    tiles({"Titles": f"{row['titles']:,}"})
    chart("titles_types", charts.types, ask(titles.by_type))


def _actors(filters: Filters) -> None:
    table("titles_actors", ask(titles.top_actors, _chosen("actors", type_of=None), 20))


def _search(filters: Filters) -> None:
    text = st.text_input("Title or id", key="titles_search", icon=":material/search:").strip()
    found = ask(titles.search, text, _chosen("search", type_of=None))
    table("titles_found", found, _HIDDEN)


def _predict(filters: Filters) -> None:
    """The rating that a user would give a title, and how well such ratings are predicted."""
    user = st.text_input("User's id", "1", key="titles_user").strip()
    text = st.text_input("Title or id", key="titles_rated", icon=":material/search:").strip()
    found = ask(titles.search, text, TitleFilters()).to_pylist()
    names = {row["id"]: f"{row['title']} · {row['platform']} · {row['id']}" for row in found}
    if not names:
        st.info("No title is found.", icon=":material/search_off:")
        return
    chosen = st.selectbox("Title", list(names), format_func=names.__getitem__)
    from amazon_reviews.models.recommender.predict import predict_rating

    predicted = predict_rating(title_ratings_in_use().model, user, chosen)
    tiles({"Predicted rating": f"{predicted.rating:.1f} of 5"})
    if not predicted.knows_user:
        st.warning("Nobody with this id has rated: an average user.", icon=":material/ac_unit:")
    if not predicted.knows_item:
        st.warning("Nobody has rated this title: an average one.", icon=":material/ac_unit:")
    table("titles_errors", ask(titles.prediction_errors))


def _explore(filters: Filters) -> None:
    (row,) = ask(titles.totals).to_pylist()
    figures = ("titles", "movies", "shows", "ratings")
    tiles({name.capitalize(): compact(row[name]) for name in figures})
    for name, build, question in (
        ("titles_years", charts.years, titles.by_year),
        ("titles_minutes", charts.minutes, titles.by_minutes),
        ("titles_scores", charts.scores, titles.by_score),
        ("titles_missing", charts.missing, titles.missing),
    ):
        chart(name, build, ask(question))


def _chosen(
    key: str, type_of: str | None = "movie", duration_type: str | None = None
) -> TitleFilters:
    """Controls for platform, year and type; `type_of` is what is chosen at first."""
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
