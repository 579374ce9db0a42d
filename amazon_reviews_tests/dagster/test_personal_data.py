"""Dagster's events of a finished project have no personal data."""

from dagster import serialize_value

from amazon_reviews.schemas import TABLES
from amazon_reviews_tests.dagster.project import Project


def test_events_have_no_ids_names_or_texts(all_done: Project) -> None:
    runs = [run.run_id for run in all_done.instance.get_runs()]
    events = "\n".join(serialize_value(e) for run in runs for e in all_done.instance.all_logs(run))
    columns = ["reviewer_id", "reviewer_name", "summary", "review_text"]
    reviews = all_done.lakehouse.delta("gold/reviews").to_pyarrow_table(columns=columns)

    assert events.count("•••") + events.count("\\u2022\\u2022\\u2022") > 50
    for name in ("reviewer_id", "reviewer_name", "review_text"):
        # Shorter texts occur in many other places.
        values = {v for v in reviews[name].to_pylist() if v and len(v) > 12 and v.isascii()}
        assert len(values) > 10, name
        assert not [value for value in values if value[:60] in events], name


def test_previews_show_the_columns_without_personal_data(all_done: Project) -> None:
    table = all_done.lakehouse.delta("gold/products").to_pyarrow_table(columns=["asin"])
    (recorded,) = all_done.metadata("gold/products").values()

    preview = recorded["preview"].splitlines()

    assert len(preview) == 7
    shown = dict(zip(preview[0].split(" | "), preview[2].split(" | "), strict=False))
    assert shown["| asin"].removeprefix("| ") in table["asin"].to_pylist()
    assert len(TABLES["gold/products"].pii) == preview[2].count("•••") == 1
