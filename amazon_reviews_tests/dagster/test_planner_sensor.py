"""The runs that the planner sensor asks for, and those it does not ask for."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import MagicMock

import dagster as dg
import pytest

from amazon_reviews.defs import planner_sensor as module
from amazon_reviews.defs import requests
from amazon_reviews.defs.landing_sensor import landing_sensor
from amazon_reviews.defs.partitions import GOLD_REVIEW_PARTITIONS, RANGE_END, RANGE_START
from amazon_reviews.defs.planner_sensor import planner_sensor
from amazon_reviews.defs.requests import ask
from amazon_reviews.pipeline.state import Observed
from amazon_reviews.planner.model import Found, State
from amazon_reviews.schemas.built import WHOLE, Records
from amazon_reviews_tests.dagster.project import Project, requested, start_run
from amazon_reviews_tests.helpers import review

NOON = datetime(2026, 1, 1, 12, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NAMES = [f"partition_{number}" for number in range(1, 6)]
BRONZE, SILVER, GOLD = "bronze/reviews", "silver/reviews", "gold/reviews"
MART, LOADED = "gold/review_counts", "warehouse/review_counts"
EXAMPLES = "gold/sentiment_examples"
KEYS = {SILVER, GOLD, MART, LOADED}
GOLD_CHECKS = ("unique", "schema", "ranges")


def version(minutes):
    """The version of what was written so many minutes before noon."""
    return int((NOON - minutes * MINUTE).timestamp() * 1000) << 19 | 1 << 12


def found(version, *partitions, inputs=None, checks=(), failed=()):
    """An output whose partitions, or whose whole, have this version."""
    names = partitions or (WHOLE,)
    judged = {check: dict.fromkeys(names, version) for check in checks}
    judged |= {check: dict.fromkeys(names, -version) for check in failed}
    built = {key: dict.fromkeys(names, of_input) for key, of_input in (inputs or {}).items()}
    return Found(Records(dict.fromkeys(names, version), built, judged))


def with_newer(output, version, *partitions):
    """The output, of which some partitions have been built again."""
    versions = output.records.versions | dict.fromkeys(partitions, version)
    checks = dict.fromkeys(output.records.checks, versions)
    return Found(Records(versions, output.records.inputs, checks))


SETTLED = {
    BRONZE: found(version(90), *NAMES),
    SILVER: found(version(80), *NAMES, inputs={BRONZE: version(90)}, checks=["accounted"]),
    GOLD: found(
        version(70),
        *NAMES,
        WHOLE,
        inputs={SILVER: version(80)},
        checks=["accounted", *GOLD_CHECKS],
    ),
    MART: found(version(60), inputs={GOLD: version(70)}, checks=["adds_up"]),
    LOADED: found(version(60), inputs={MART: version(60)}),
}


def without(*keys):
    return {key: SETTLED[key] for key in SETTLED if key not in keys}


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("amazon_reviews", NAMES)
        instance.add_dynamic_partitions("gold_reviews", [*NAMES, "stream"])
        yield instance


@pytest.fixture
def tick(instance):
    """A function that asks for the work of a state."""

    def tick(outputs, cursor=None, *, now=NOON, selected=KEYS):
        return ask(instance, Observed(State(outputs)), selected, cursor, now)

    return tick


def test_dagster_loads_all_definitions(empty):
    dg.Definitions.validate_loadable(empty.defs)


def test_automation_can_be_switched_off_and_the_sensor_says_so(tmp_path):
    sensors = Project(tmp_path, AMAZON_REVIEWS_AUTOMATION="false").defs.sensors
    (off,) = (sensor for sensor in sensors if sensor.name == planner_sensor.name)

    assert planner_sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert off.default_status == dg.DefaultSensorStatus.STOPPED
    assert off.description.startswith("Off: AMAZON_REVIEWS_AUTOMATION is false.")


def test_nothing_is_asked_for_when_nothing_changed(tick):
    asked = tick(SETTLED)

    assert not asked.requests
    assert asked.summary == "nothing is pending"


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ([SILVER, GOLD, MART, LOADED], f"{SILVER} partition_1..partition_5"),
        ([GOLD, MART, LOADED], f"{GOLD} partition_1..partition_5"),
        ([MART, LOADED], f"{MART} {LOADED}"),
        ([LOADED], LOADED),
    ],
)
def test_each_layer_follows_the_one_above(tick, missing, expected):
    assert requested(tick(without(*missing)).requests) == [expected]


def test_only_changed_partitions_are_asked_for(tick):
    changed = with_newer(SETTLED[BRONZE], version(5), "partition_3")

    asked = tick(SETTLED | {BRONZE: changed})

    assert requested(asked.requests) == [f"{SILVER} partition_3..partition_3"]


def test_partitions_with_gaps_come_in_one_run_up_to_a_limit(tick, monkeypatch):
    newer = ["partition_1", "partition_3", "partition_4"]
    state = SETTLED | {BRONZE: with_newer(SETTLED[BRONZE], version(5), *newer)}

    assert requested(tick(state).requests) == [f"{SILVER} partition_3..partition_4 partition_1"]
    monkeypatch.setattr(requests, "PARTITIONS_A_RUN", 2)
    assert requested(tick(without(SILVER)).requests) == [
        f"{SILVER} partition_1..partition_2",
        f"{SILVER} partition_3..partition_4",
        f"{SILVER} partition_5..partition_5",
    ]


def test_partitions_of_a_run_with_gaps_are_not_asked_for(tick, instance):
    options = {"silver__reviews": {"config": {"more_partitions": ["partition_3"]}}}
    tags = dict.fromkeys([RANGE_START, RANGE_END], "partition_1")
    start_run(instance, SILVER, tags=tags, run_config={"ops": options})
    state = SETTLED | {BRONZE: with_newer(SETTLED[BRONZE], version(5), *NAMES)}

    assert requested(tick(state).requests) == [
        f"{SILVER} partition_4..partition_5 partition_2",
    ]


def test_whole_tables_come_in_one_run_with_what_waits_for_them_only(tick):
    loaded = "warehouse/length_counts"
    state = without(MART, LOADED) | {SILVER: with_newer(SETTLED[SILVER], version(5), "partition_1")}

    marts = {MART, LOADED, "gold/length_counts", loaded}
    waiting = tick(state, selected={GOLD, *marts}).requests
    ready = tick(state, selected=marts).requests

    assert requested(waiting) == [f"{GOLD} partition_1..partition_1"]
    assert [set(text.split()) for text in requested(ready)] == [marts]


def test_runs_have_the_reason_and_come_after_those_of_people(tick):
    (request,) = tick(without(LOADED)).requests

    assert request.tags == {
        "amazon_reviews/reason": f"{LOADED}: it is missing",
        "dagster/priority": "-1",
        "amazon_reviews/started_by": "sensor",
    }


def test_damaged_partition_of_the_stream_is_built_again(tick):
    damaged = Found(SETTLED[GOLD].records, {"partition_2": "a data file is missing"})

    (request,) = tick(SETTLED | {GOLD: damaged}).requests

    assert requested([request]) == [f"{GOLD} partition_2..partition_2"]
    assert request.run_config == {"ops": {"gold__reviews": {"config": {"rebuild": True}}}}


UNFINISHED = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]


@pytest.mark.parametrize("status", UNFINISHED)
def test_table_that_a_run_will_write_is_not_asked_for(tick, instance, status):
    start_run(instance, SILVER, status=dg.DagsterRunStatus(status))

    assert not tick(without(SILVER)).requests


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "CANCELED"])
def test_run_that_ended_before_the_look_holds_nothing_up(tick, instance, status):
    start_run(instance, SILVER, status=dg.DagsterRunStatus(status))
    now = datetime.now(UTC)

    assert not tick(without(SILVER), now=now - MINUTE).requests
    assert requested(tick(without(SILVER), now=now + MINUTE).requests) == [
        f"{SILVER} partition_1..partition_5"
    ]


@pytest.mark.parametrize("key", [BRONZE, SILVER])
@pytest.mark.parametrize(
    "tags",
    [
        {"dagster/partition": "partition_2"},
        dict.fromkeys([RANGE_START, RANGE_END], "partition_2"),
    ],
)
def test_other_partitions_than_the_one_being_written_are_asked_for(tick, instance, key, tags):
    start_run(instance, key, tags=tags)

    assert requested(tick(without(SILVER)).requests) == [
        f"{SILVER} partition_3..partition_5 partition_1",
    ]


def test_nothing_is_asked_for_below_a_range_that_is_being_written(tick, instance):
    start_run(instance, BRONZE, tags={RANGE_START: "a", RANGE_END: "b"})

    assert not tick(without(SILVER)).requests


def test_run_of_the_checks_of_a_table_holds_up_what_is_below_it(tick, instance):
    schema = dg.AssetCheckKey(dg.AssetKey(GOLD.split("/")), "schema")
    instance.add_run(
        dg.DagsterRun(
            "__ASSET_JOB",
            status=dg.DagsterRunStatus.STARTED,
            asset_selection=frozenset(),
            asset_check_selection=frozenset([schema]),
        )
    )

    assert not tick(without(MART)).requests


def test_run_of_the_stream_does_not_hold_up_what_is_below_gold(tick, instance):
    start_run(instance, job_name="stream_reviews")
    assert requested(tick(without(MART, LOADED)).requests) == [f"{MART} {LOADED}"]
    assert requested(tick(without(GOLD), selected={GOLD}).requests) == [
        f"{GOLD} partition_1..partition_5"
    ]

    start_run(instance, GOLD, tags={"dagster/partition": "partition_1"})
    assert not tick(without(MART, LOADED)).requests


def test_run_of_the_stream_holds_up_the_streamed_part_of_gold(tick, instance):
    streamed = "silver/streamed_reviews"
    state = SETTLED | {streamed: found(version(5), checks=["accounted"])}
    assert requested(tick(state).requests) == [f"{GOLD} stream..stream"]

    start_run(instance, job_name="stream_reviews")

    assert not tick(state).requests


def test_marts_go_on_from_the_newest_commit_of_a_stream_run(tick, instance):
    events, streamed = "bronze/review_events", "silver/streamed_reviews"
    state = SETTLED | {
        events: found(version(2)),
        streamed: found(version(5), inputs={events: version(6)}, checks=["accounted"]),
        GOLD: with_newer(SETTLED[GOLD], version(4), WHOLE, "stream"),
    }
    selected = KEYS | {streamed}
    assert requested(tick(state, selected=selected, now=NOON + 20 * MINUTE).requests) == [streamed]

    start_run(instance, job_name="stream_reviews")

    asked = tick(state, selected=selected, now=NOON + 20 * MINUTE)
    assert requested(asked.requests) == [f"{MART} {LOADED}"]


def test_no_run_is_asked_for_that_only_checks_what_a_stream_run_writes(tick, instance):
    gold = SETTLED[GOLD].records
    unchecked = Found(Records(gold.versions | {WHOLE: version(1)}, gold.inputs, gold.checks))
    state = without(MART, LOADED) | {GOLD: unchecked}
    (request,) = tick(state).requests
    assert [check.name for check in request.asset_check_keys] == [*GOLD_CHECKS]

    start_run(instance, job_name="stream_reviews")

    assert not tick(state).requests


def test_a_stream_run_does_not_keep_damaged_tables_from_being_removed(instance):
    start_run(instance, job_name="stream_reviews")
    assert not requests.is_busy(instance)
    start_run(instance, GOLD, status=dg.DagsterRunStatus.QUEUED)
    assert requests.is_busy(instance)


def test_failed_work_is_asked_for_again_when_its_inputs_change_or_on_the_next_day(tick):
    state = SETTLED | {BRONZE: with_newer(SETTLED[BRONZE], version(9), "partition_3")}
    first = tick(state)

    second = tick(state, first.cursor, now=NOON + 60 * MINUTE)

    silver = [f"{SILVER} partition_3..partition_3"]
    assert requested(first.requests) == silver
    assert not second.requests
    assert f"when their inputs change: {SILVER}[partition_3]" in second.summary
    assert requested(tick(state, second.cursor, now=NOON + DAY).requests) == silver
    again = SETTLED | {BRONZE: with_newer(SETTLED[BRONZE], version(3), "partition_3")}
    assert requested(tick(again, second.cursor).requests) == silver


def test_work_goes_on_below_what_failed(tick):
    state = SETTLED | {
        BRONZE: with_newer(SETTLED[BRONZE], version(9), "partition_3"),
        SILVER: with_newer(SETTLED[SILVER], version(8), "partition_4"),
    }
    first = tick(state)
    assert requested(first.requests) == [
        f"{SILVER} partition_3..partition_3",
        f"{GOLD} partition_4..partition_4",
    ]
    built = SETTLED[GOLD].records.inputs[SILVER] | {"partition_4": version(8)}
    gold = with_newer(SETTLED[GOLD], version(7), "partition_4", WHOLE)
    after = Found(Records(gold.records.versions, {SILVER: built}, gold.records.checks))

    second = tick(state | {GOLD: after}, first.cursor, now=NOON + 15 * MINUTE)

    assert requested(second.requests) == [f"{MART} {LOADED}"]


def test_work_that_was_done_and_is_lost_again_is_asked_for_on_the_same_day(tick):
    first = tick(without(LOADED))
    done = tick(SETTLED, first.cursor)
    assert done.cursor  # Dagster would keep the cursor of before for an empty one.

    assert requested(tick(without(LOADED), done.cursor).requests) == [LOADED]


def test_cursor_has_eight_characters_for_each_pending_work(tick):
    assert len(tick(without(SILVER)).cursor) == 8 * len(NAMES)


@pytest.mark.parametrize(
    "cursor",
    ["", "-", json.dumps({"partition_1": "a b"}), "eNqrVkrOz0nVUbJSqFaKz0xRsgIAPP4FRA==", "é"],
)
def test_cursor_of_an_earlier_release_does_no_harm(tick, cursor):
    assert requested(tick(without(LOADED), cursor).requests) == [LOADED]


def test_mart_is_built_again_in_the_next_quarter_of_an_hour(tick):
    mart = found(version(0), inputs={GOLD: version(75)}, checks=["adds_up"])
    state = SETTLED | {MART: mart, LOADED: found(version(0), inputs={MART: version(0)})}

    def at(now):
        return requested(tick(state, now=now).requests)

    assert at(NOON + 13 * MINUTE) == []
    assert f"wait for their turn: {MART}" in tick(state).summary
    assert at(NOON + 14 * MINUTE) == [f"{MART} {LOADED}"]
    assert requested(tick(without(MART), now=NOON).requests) == [f"{MART} {LOADED}"]


def test_table_of_examples_is_built_again_once_a_day(tick):
    state = SETTLED | {EXAMPLES: found(version(60), inputs={GOLD: version(75)})}

    def at(now, state=state):
        return requested(tick(state, now=now, selected={EXAMPLES}).requests)

    assert at(NOON + timedelta(hours=14, minutes=58)) == []
    assert at(NOON + timedelta(hours=15)) == [EXAMPLES]
    assert at(NOON, without()) == [EXAMPLES]


def test_new_partitions_come_in_the_turn_of_the_others(tick):
    """Work on all partitions waits, because a partition that comes later would repeat it."""
    predictions, mart = "gold/sentiment_predictions", "gold/sentiment_years"
    built = found(version(10), *NAMES[:3], WHOLE, inputs={GOLD: version(70)}, checks=["complete"])
    state = SETTLED | {
        GOLD: with_newer(SETTLED[GOLD], version(5), *NAMES[2:], WHOLE),
        "model/sentiment": found(version(60), checks=["not_worse"]),
        predictions: built,
        mart: found(version(9), inputs={predictions: version(10)}),
    }
    selected = {predictions, mart}

    waiting = tick(state, now=NOON - 2 * MINUTE, selected=selected)
    first = tick(state, waiting.cursor, selected=selected)
    built.records.versions[WHOLE] = version(0)
    failed = tick(state, first.cursor, now=NOON + 20 * MINUTE, selected=selected)

    assert not waiting.requests
    assert requested(first.requests) == [f"{predictions} partition_1..partition_5"]
    assert not [text for text in requested(failed.requests) if predictions in text]


def test_what_waits_for_its_turn_holds_up_nothing(tick):
    """Predictions for new reviews come from the model of yesterday."""
    model, predictions = "model/sentiment", "gold/sentiment_predictions"
    state = SETTLED | {
        EXAMPLES: found(version(60), inputs={GOLD: version(75)}),
        model: found(version(55), inputs={EXAMPLES: version(60)}, checks=["not_worse"]),
        predictions: found(
            version(50),
            *NAMES,
            inputs={GOLD: version(75), model: version(55)},
            checks=["complete"],
        ),
    }

    asked = tick(state, selected={EXAMPLES, model, predictions})

    assert requested(asked.requests) == [f"{predictions} partition_1..partition_5"]
    assert asked.summary.endswith(f"wait for their turn: {EXAMPLES}")
    built = {GOLD: version(70), model: version(55)}
    state[predictions] = found(version(0), *NAMES, inputs=built, checks=["complete"])
    done = tick(state, asked.cursor, selected={EXAMPLES, model, predictions})
    assert done.summary == f"nothing is pending; wait for their turn: {EXAMPLES}"


def test_failed_check_holds_back_the_tables_below(tick):
    gold = found(
        version(5),
        *NAMES,
        WHOLE,
        inputs={SILVER: version(80)},
        checks=["accounted", "schema", "ranges"],
        failed=["unique"],
    )

    first = tick(SETTLED | {GOLD: gold})
    second = tick(SETTLED | {GOLD: gold}, first.cursor)

    assert requested(first.requests) == [f"{GOLD} partition_1..partition_5"]
    assert not second.requests
    assert f"{GOLD}: check unique failed" in second.summary


def test_failed_partition_alone_is_held_back_until_it_has_passed(tick):
    built, failed = ["partition_3", "partition_4"], "partition_3"
    silver = with_newer(SETTLED[SILVER], version(8), *built)
    silver.records.checks["accounted"] = silver.records.checks["accounted"] | {failed: -version(8)}

    first = tick(SETTLED | {SILVER: silver})
    second = tick(SETTLED | {SILVER: silver}, first.cursor)

    assert requested(first.requests) == [
        f"{SILVER} partition_3..partition_3",
        f"{GOLD} partition_4..partition_4",
    ]
    assert not second.requests
    assert f"{GOLD}[partition_3]: {SILVER}[partition_3]: check accounted failed" in second.summary
    gold = with_newer(SETTLED[GOLD], version(5), "partition_4", WHOLE)
    gold.records.inputs[SILVER]["partition_4"] = version(8)
    repaired = with_newer(silver, version(2), failed)
    third = tick(SETTLED | {SILVER: repaired, GOLD: gold}, second.cursor)
    assert requested(third.requests) == [f"{GOLD} partition_3..partition_3"]


def test_check_that_was_not_run_is_asked_for_alone_and_holds_back_the_tables_below(tick):
    checks = ["accounted", "unique", "ranges"]
    gold = found(version(5), *NAMES, WHOLE, inputs={SILVER: version(80)}, checks=checks)

    (request,) = tick(SETTLED | {GOLD: gold}).requests

    assert request.asset_selection == []
    assert request.tags["amazon_reviews/reason"] == f"{GOLD}: check schema was not run"
    key = dg.AssetKey(GOLD.split("/"))
    assert request.asset_check_keys == [dg.AssetCheckKey(key, name) for name in GOLD_CHECKS]


def test_summary_has_numbers_and_at_most_three_examples(tick, instance):
    names = [f"partition_{number}" for number in range(1, 2001)]
    state = {BRONZE: found(version(90), *names)}
    observed = Observed(State(state), faults=[f"fault {number:02}" for number in range(50)])
    start_run(instance, SILVER)

    waiting = ask(instance, observed, KEYS, None, NOON)

    assert f"{SILVER} (2,000 partitions): it is missing" in waiting.summary
    assert "and 1 more outputs" in waiting.summary
    assert waiting.summary.endswith("cannot be read: fault 00, fault 01, fault 02 and 47 more")
    assert len(waiting.summary) < 500


def test_new_partitions_of_inputs_are_added_to_the_instance(tick, instance):
    bronze = found(version(90), *NAMES, "partition_10")

    tick(SETTLED | {BRONZE: bronze})

    assert instance.get_dynamic_partitions("amazon_reviews") == [*NAMES, "partition_10"]


@pytest.fixture
def only_layers(monkeypatch):
    """Let the sensor ask for the layers only."""
    tables = ("silver/reviews", "silver/products", "silver/rejected", GOLD, "gold/products")
    chosen = {*tables, "warehouse/products", "warehouse/reviews"}
    monkeypatch.setattr(module, "_KEYS", chosen)


@pytest.mark.usefixtures("only_layers")
@pytest.mark.long
def test_sensors_bring_the_landing_zone_to_the_warehouse_and_come_to_rest(project, all_done):
    cursors = {landing_sensor: None, planner_sensor: None}
    runs = []
    for _ in range(8):
        for sensor in cursors:
            result = project.tick(sensor, cursors[sensor])
            cursors[sensor] = result.cursor
            runs += requested(result.run_requests)
            assert all(project.execute(request).success for request in result.run_requests)

    assert project.content() == all_done.content()
    assert len(runs) == len(set(runs)) <= 9
    assert project.tick(planner_sensor, cursors[planner_sensor]).skip_message == (
        "nothing is pending"
    )


@pytest.mark.parametrize("number", [2_000, pytest.param(50_000, marks=pytest.mark.long)])
def test_cursor_and_skip_reason_stay_short_with_many_partitions(instance, monkeypatch, number):
    """All partitions of a table are pending, asked for, and fail."""
    names = [f"partition_{number}" for number in range(1, number + 1)]
    instance.add_dynamic_partitions("amazon_reviews", names[5:])
    state = State({BRONZE: found(version(90), *names)})
    monkeypatch.setattr(module, "look", lambda *_, **__: Observed(state))
    monkeypatch.setattr(module, "adopt", lambda *_: None)
    monkeypatch.setattr(module, "add_missing_columns", lambda *_: None)
    monkeypatch.setattr(module, "_KEYS", {SILVER})

    def tick(cursor):
        with dg.build_sensor_context(
            instance=instance,
            sensor_name="planner_sensor",
            cursor=cursor,
            resources={"places": MagicMock()},
        ) as context:
            return module.planner_sensor(context)

    first = tick(None)
    assert len(first.run_requests) == number // 1_000
    second = tick(first.cursor)
    assert not second.run_requests
    assert f"and {number - 3:,} more" in second.skip_reason.skip_message
    assert len(first.cursor) < 1_000
    assert len(second.skip_reason.skip_message.encode()) < 1_000
    # Nothing is written for the same cursor, and a lost tick changes nothing.
    assert tick(second.cursor).cursor == second.cursor
    assert not tick(first.cursor).run_requests


def first_tick(project):
    return project.tick(planner_sensor, None)


def later_tick(project):
    return project.tick(planner_sensor, f"{datetime.now(UTC):%Y-%m-%dT%H} -")


@pytest.mark.usefixtures("only_layers")
def test_check_only_run_is_executed_as_it_is_asked_for(done):
    done.add_file("amazon_reviews", "partition_4", review())
    for key in (BRONZE, SILVER):
        assert done.materialize(key, partitions=["partition_4"]).success
    key = dg.AssetKey(GOLD.split("/"))
    gold = done.job.get_subset(
        asset_selection={key}, asset_check_selection={dg.AssetCheckKey(key, "accounted")}
    )
    tags = dict.fromkeys([RANGE_START, RANGE_END], "partition_4")
    assert gold.execute_in_process(
        instance=done.instance, resources=done.defs.resources, tags=tags
    ).success

    result = later_tick(done)

    (checks,) = [r for r in result.run_requests if r.asset_check_keys and not r.asset_selection]
    assert done.execute(checks).success
    assert "silver/rejected warehouse/reviews" in requested(later_tick(done).run_requests)


@pytest.mark.usefixtures("only_layers")
def test_missing_folder_of_a_table_is_noticed_in_every_tick(done):
    shutil.rmtree(done.root / "lakehouse" / "gold" / "products")

    (request,) = later_tick(done).run_requests

    assert requested([request])[0].startswith("gold/products ")
    assert request.tags["amazon_reviews/reason"] == "gold/products: it is missing"


@pytest.mark.usefixtures("only_layers")
def test_missing_data_file_is_noticed_in_the_first_tick_of_an_hour(done):
    table = Path(done.settings.lakehouse) / "silver" / "reviews"
    for folder in table.glob("data-*"):
        shutil.rmtree(folder)

    assert not later_tick(done).run_requests
    (request,) = first_tick(done).run_requests

    assert requested([request]) == [f"{SILVER} partition_1..partition_5"]
    assert request.tags["amazon_reviews/reason"].endswith("a data file is missing")


@pytest.mark.usefixtures("only_layers")
def test_failed_repair_of_a_data_file_is_asked_for_again_in_the_next_hour(done):
    table = Path(done.settings.lakehouse) / "silver" / "reviews"
    for folder in table.glob("data-*"):
        shutil.rmtree(folder)
    repair = [f"{SILVER} partition_1..partition_5"]

    first = first_tick(done)
    second = done.tick(planner_sensor, first.cursor)
    next_hour = done.tick(planner_sensor, second.cursor.replace(second.cursor[:13], "earlier"))

    assert requested(first.run_requests) == repair
    assert not second.run_requests
    assert requested(next_hour.run_requests) == repair


@pytest.mark.usefixtures("only_layers")
def test_damaged_log_is_removed_only_while_nothing_runs(done):
    table = Path(done.settings.lakehouse) / "gold" / "products"
    for file in (table / "_delta_log").glob("*.json"):
        file.write_text("no json")
    start_run(done.instance, "gold/brands")
    waiting = later_tick(done)
    assert table.exists()
    assert not waiting.run_requests
    done.instance.wipe()

    result = done.tick(planner_sensor, waiting.cursor)

    assert not table.exists()
    assert requested(result.run_requests)[0].startswith("gold/products ")


@pytest.mark.usefixtures("only_layers")
def test_damage_seen_once_an_hour_is_looked_for_again_while_something_runs(done):
    log = Path(done.settings.lakehouse) / "gold" / "products" / "_delta_log"
    quiet = later_tick(done)
    sorted(log.glob("*.json"))[0].unlink()
    start_run(done.instance, "gold/brands")

    waiting = done.tick(planner_sensor, quiet.cursor.replace(quiet.cursor[:13], "earlier"))
    done.instance.wipe()
    result = done.tick(planner_sensor, waiting.cursor)

    assert not waiting.run_requests
    assert requested(result.run_requests)[0].startswith("gold/products ")


def test_new_instance_gets_the_partitions_of_the_tables(forgotten):
    first_tick(forgotten)

    assert forgotten.instance.get_dynamic_partitions("amazon_reviews") == NAMES
    assert forgotten.instance.get_dynamic_partitions(GOLD_REVIEW_PARTITIONS.name) == NAMES
