"""What the assets say of themselves, and what materializing them does."""

import re
from collections import Counter
from graphlib import TopologicalSorter

import duckdb
import pytest
from dagster._serdes import serialize_value
from deltalake import DeltaTable

from amazon_reviews.defs.assets import partitioned
from amazon_reviews.models.recommender.names import METHOD_NAMES
from amazon_reviews.pipeline.partials import PARTIALS
from amazon_reviews.schemas import MART_TABLES, TABLES
from amazon_reviews_tests.dagster.project import Project, failed_steps
from amazon_reviews_tests.dagster.readable import unreadable_metadata

PARTITIONS = [f"partition_{number}" for number in range(1, 6)]
MODELS = {
    "model/sentiment",
    "model/title_ratings",
    *(f"model/recommender_{method}" for method in METHOD_NAMES),
}
FILES = {"report/reviews", "report/recommender", "report/titles", "export/titles", *MODELS}
WITHIN = {
    *("silver/review_keys", "scratch/lost_reviews"),
    *("silver/duplicates", "gold/duplicates"),
    *("silver/reviews_columns", "silver/products_columns"),
}
GROUPS = ("marts", "sentiment", "recommender", "titles")
READ = {
    f"gold/{noun}"
    for noun in (
        "reviews",
        "products",
        "titles",
        "title_actors",
        "title_ratings_model",
        "recommender_evaluation",
        "recommender_top",
        "recommender_similar",
    )
}
CHAIN = ("bronze/reviews", "silver/reviews", "gold/reviews")


@pytest.fixture(scope="module")
def nodes(all_done):
    return {
        key.to_user_string(): all_done.graph.get(key) for key in all_done.graph.get_all_asset_keys()
    }


def test_the_graph_has_the_tables_of_the_design(nodes):
    made = {name for name in nodes if name.split("/")[0] in ("bronze", "silver", "gold")}
    assert made == TABLES.keys() - WITHIN - PARTIALS.keys()
    assert {name for name in made if nodes[name].group_name in ("bronze", "silver", "gold")} == {
        "bronze/reviews",
        "bronze/products",
        "bronze/review_events",
        "bronze/event_gaps",
        "silver/reviews",
        "silver/review_products",
        "silver/streamed_reviews",
        "silver/products",
        "silver/rejected",
        "gold/products",
        "gold/reviews",
    }
    others = set(nodes) - made - {name for name in nodes if name.startswith("warehouse/")}
    assert others == FILES


def test_published_tables_are_in_the_warehouse(nodes):
    loaded = {name.replace("warehouse/", "gold/") for name in nodes if "warehouse/" in name}
    sentiment = {table.key for table in TABLES.values() if table.group == "sentiment"}
    marts = {table.key for table in MART_TABLES}
    assert loaded == (marts | sentiment | READ) - {"gold/sentiment_examples"}


def test_every_table_has_description_owner_group_kind_and_code_version(nodes):
    for name, node in (found for found in nodes.items() if found[0] not in FILES):
        assert node.description.startswith("One row"), name
        assert node.owners == ["team:data"], name
        layer = name.split("/")[0]
        assert node.group_name in ({layer} if layer == "warehouse" else {layer, *GROUPS}), name
        assert node.kinds == ({"duckdb"} if node.group_name == "warehouse" else {"delta"}), name
        assert node.code_version, name


def test_every_asset_describes_its_columns(nodes):
    for name, node in (found for found in nodes.items() if found[0] not in FILES):
        table = TABLES[name.replace("warehouse", "gold")]
        columns = node.metadata["dagster/column_schema"].columns
        in_warehouse = name.startswith("warehouse/")
        declared = table.published_columns if in_warehouse else table.columns
        assert [column.name for column in columns] == [column.name for column in declared], name
        assert all(column.description and column.type for column in columns), name


def test_asset_groups_form_no_circle_and_end_with_the_reports(nodes):
    above = {node.group_name: set() for node in nodes.values()}
    for node in nodes.values():
        groups = {nodes[key.to_user_string()].group_name for key in node.parent_keys}
        above[node.group_name] |= groups - {node.group_name}
    *_, last = TopologicalSorter(above).static_order()
    assert last == "reports"


def test_no_asset_has_a_freshness_that_any_build_turns_green(nodes):
    assert [name for name, node in nodes.items() if node.freshness_policy] == []


def test_every_table_has_its_own_pool(all_done):
    pools = {
        frozenset(key.to_user_string() for key in asset.keys): asset.op.pool
        for asset in all_done.defs.resolve_asset_graph().assets_defs
        if asset.keys
    }
    assert None not in pools.values()
    assert len(set(pools.values())) == len(pools)


def test_materialization_of_a_partition_has_its_line_counts(all_done, truth):
    for name, expected in truth["reviews"].items():
        rejected = sum(expected["rejected"].values())
        bronze = all_done.metadata("bronze/reviews")[name]
        silver = all_done.metadata("silver/reviews")[name]
        gold = all_done.metadata("gold/reviews")[name]
        assert bronze["dagster/partition_row_count"] == expected["lines"]
        assert (silver["lines"], silver["dagster/partition_row_count"]) == (
            expected["lines"],
            expected["distinct"],
        )
        assert (silver["duplicates"], silver["rejected"]) == (
            expected["duplicates_within"],
            rejected,
        )
        assert {f"rejected_{reason}" for reason in expected["rejected"]} <= set(silver)
        assert gold["lines"] == expected["distinct"]
        assert gold["lines"] == gold["dagster/partition_row_count"] + gold["duplicates"]
    published = [
        figures["dagster/partition_row_count"]
        for figures in all_done.metadata("gold/reviews").values()
    ]
    assert sum(published) == truth["gold"]["reviews"]


def test_materialization_has_row_count_uri_version_and_preview(all_done):
    for key in (
        "bronze/reviews",
        "silver/products",
        "silver/rejected",
        "gold/products",
        "gold/reviews",
    ):
        table = all_done.lakehouse.delta(key)
        for recorded in all_done.metadata(key).values():
            assert recorded["dagster/row_count"] == table.to_pyarrow_table(columns=[]).num_rows, key
            assert recorded["dagster/uri"] == all_done.lakehouse.uri(key)
            # Verdicts of checks are committed after it.
            assert 0 < recorded["delta_version"] <= table.version()
            assert recorded["preview"].startswith(f"| {table.schema().fields[0].name} |")


def test_metadata_has_short_numbers_and_units(all_done):
    assert not unreadable_metadata(all_done.instance)


def test_events_have_no_ids_names_or_texts(all_done):
    runs = [run.run_id for run in all_done.instance.get_runs()]
    events = "\n".join(serialize_value(e) for r in runs for e in all_done.instance.all_logs(r))
    reviews = all_done.lakehouse.delta("gold/reviews").to_pyarrow_table()

    assert len(events) > 100_000
    for name in ("reviewer_id", "reviewer_name", "review_text", "summary"):
        # Shorter texts occur in other places too, and others are escaped.
        values = {v for v in reviews[name].to_pylist() if re.fullmatch(r"[\w .,!]{13,}", v or "")}
        assert len(values) > 2, name
        assert not [value for value in values if value[:50] in events], name


def test_previews_show_the_columns_without_personal_data(all_done):
    table = all_done.lakehouse.delta("gold/products").to_pyarrow_table(columns=["asin"])
    (recorded,) = all_done.metadata("gold/products").values()

    header, _, *rows = recorded["preview"].splitlines()

    assert len(rows) == 5
    # Texts from data are shown as code.
    names, values = ([cell.strip("` ") for cell in row.split("|")] for row in (header, rows[0]))
    shown = dict(zip(names, values, strict=True))
    assert shown["asin"] in table["asin"].to_pylist()
    assert [name for name, text in shown.items() if text == "•••"] == ["rescued"]


def test_gold_has_the_rows_of_the_truth(all_done, truth):
    reviews = all_done.lakehouse.uri("gold/reviews")
    ids = DeltaTable(reviews).to_pyarrow_table(columns=["review_id"])["review_id"]
    assert len(ids) == len(ids.unique()) == truth["gold"]["reviews"]
    assert (
        DeltaTable(all_done.lakehouse.uri("gold/products")).to_pyarrow_table(columns=[]).num_rows
        == truth["gold"]["products"]
    )


def test_warehouse_has_the_rows_of_gold_and_records_them(all_done, truth):
    with duckdb.connect(str(all_done.root / "warehouse.duckdb"), read_only=True) as connection:
        for noun in ("reviews", "products"):
            count = connection.execute(f"SELECT count(*) FROM gold.{noun}").fetchone()[0]
            assert count == truth["gold"][noun]
            recorded = all_done.metadata(f"warehouse/{noun}")[None]
            assert recorded["dagster/row_count"] == count
            assert recorded["delta_version"] == all_done.lakehouse.version(f"gold/{noun}")
            assert recorded["already_there"] is False


def test_loaded_version_is_not_loaded_again(all_done):
    file = all_done.root / "warehouse.duckdb"
    before = file.stat()

    assert all_done.materialize("warehouse/reviews", "warehouse/products").success

    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert all_done.metadata("warehouse/reviews")[None]["already_there"] is True


@pytest.mark.parametrize(
    "ranges",
    [
        pytest.param([[name] for name in PARTITIONS], id="one by one", marks=pytest.mark.long),
        pytest.param([PARTITIONS[3:], PARTITIONS[1:3], PARTITIONS[:1]], id="ranges, backwards"),
    ],
)
def test_gold_does_not_depend_on_the_ranges_of_its_runs(with_products, all_done, ranges):
    for partitions in ranges:
        assert with_products.materialize(*CHAIN, partitions=partitions).success
    assert with_products.materialize("silver/rejected").success

    assert with_products.content() == all_done.content()


def test_run_of_one_partition_changes_no_other_partition(with_products):

    result = with_products.materialize(*CHAIN, partitions=["partition_3"])

    assert result.success
    for key in CHAIN:
        assert with_products.materialized(key) == {"partition_3": 1}
        values = DeltaTable(with_products.lakehouse.uri(key)).to_pyarrow_table(
            columns=["partition"]
        )
        assert set(values["partition"].to_pylist()) == {"partition_3"}


def test_second_build_gives_the_same_rows(done):
    before = done.content()

    assert done.materialize(*CHAIN, partitions=PARTITIONS[1:4]).success

    assert done.content() == before


def test_gold_records_the_other_partitions_that_it_rebuilt(with_products):
    assert with_products.materialize(*CHAIN, partitions=PARTITIONS[1:]).success

    assert with_products.materialize(*CHAIN, partitions=PARTITIONS[:1]).success

    made = with_products.materialized("gold/reviews")
    rebuilt = {name for name in PARTITIONS[1:] if made[name] == 2}
    assert rebuilt
    figures = with_products.metadata("gold/reviews")
    for name in PARTITIONS:
        kept, lines = figures[name]["dagster/partition_row_count"], figures[name]["lines"]
        assert kept + figures[name]["duplicates"] == lines


def test_truncated_file_fails_only_its_partition(with_products, truth):
    file = with_products.break_off("amazon_reviews", "partition_2")

    result = with_products.materialize("bronze/reviews", partitions=PARTITIONS)

    (said,) = failed_steps(result).values()
    assert f"partition_2/{file}" in said
    assert not any(name in said for name in PARTITIONS if name != "partition_2")
    assert with_products.materialized("bronze/reviews") == {
        name: 1 for name in PARTITIONS if name != "partition_2"
    }
    for name, figures in with_products.metadata("bronze/reviews").items():
        assert figures["dagster/partition_row_count"] == truth["reviews"][name]["lines"]


def test_silver_fails_for_a_partition_that_bronze_lacks(with_products):

    result = with_products.materialize("silver/reviews", partitions=["partition_1"])

    (said,) = failed_steps(result).values()
    assert "bronze/reviews has no partition_1" in said


SECRETS = {
    "AMAZON_REVIEWS_ENGINE": "sc://127.0.0.1:1/;token={}",
    "AMAZON_REVIEWS_EVENT_HUB": "Endpoint=sb://h/;SharedAccessKeyName=n;SharedAccessKey={};"
    "EntityPath=e",
    "MLFLOW_TRACKING_URI": "http://user:{}@127.0.0.1:1",
}


@pytest.mark.parametrize("setting", SECRETS)
def test_a_secret_is_neither_stored_with_the_runs_nor_shown(tmp_path, setting):
    project = Project(tmp_path, **{setting: SECRETS[setting].format("only-for-this-test")})

    stored = serialize_value(project.job.get_job_snapshot())

    assert "only-for-this-test" not in stored
    assert "only-for-this-test" not in repr(project.defs.resources)


def test_run_of_many_partitions_stores_no_preview_with_each(forgotten, monkeypatch):
    monkeypatch.setattr(partitioned, "_MOST_PREVIEWS", 4)
    forgotten.add_all_partitions()

    assert forgotten.materialize("silver/review_products", partitions=PARTITIONS).success
    metadata = forgotten.metadata("silver/review_products").values()
    assert ["preview" in each for each in metadata] == [False] * 5
    assert forgotten.materialize("silver/review_products", partitions=PARTITIONS[:4]).success
    metadata = forgotten.metadata("silver/review_products").values()
    assert Counter("preview" in each for each in metadata) == {True: 4, False: 1}
