"""The planner finds the pending work from the records of the outputs alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amazon_reviews.planner.model import Found, Output, State, Work
from amazon_reviews.planner.plan import in_build_order, make_plan
from amazon_reviews.schemas.built import WHOLE, Records, written_at

BRONZE = Output("bronze", partitioned=True, arrives=True)
EVENTS = Output("events", arrives=True)
SILVER = Output("silver", ("bronze",), partitioned=True, checks=("accounted",))
STREAMED = Output("streamed", ("events",))
PRODUCTS = Output("products", table_checks=("unique",))
GOLD = Output(
    "gold",
    ("silver", "products"),
    partitioned=True,
    partition_inputs=(("stream", "streamed"),),
    table_checks=("unique",),
)
MART = Output("mart", ("gold",), checks=("adds_up",))
COPY = Output("copy", ("mart",), code_version="")
# An output below comes before its inputs: the planner has to order them.
ALL = (COPY, MART, GOLD, PRODUCTS, STREAMED, SILVER, EVENTS, BRONZE)
MISSING_FILE = "a data file is missing"


class World:
    """Outputs and their records; all that `partitions` give rows to is built and current."""

    def __init__(self, *outputs, partitions=("p1", "p2")):
        self.by_key = {output.key: output for output in outputs or ALL}
        self.found, self.damage, self.arrived = {}, {}, {}
        self.clock = 0
        for output in self.by_key.values():
            if output.arrives and output.partitioned:
                self.arrived[output.key] = dict.fromkeys(partitions, "it is new")
        self.build_all()

    def plan(self, **options):
        found = {
            key: Found(records, self.damage.get(key, {})) for key, records in self.found.items()
        }
        return make_plan([*self.by_key.values()], State(found, self.arrived), **options)

    def pending(self, **options):
        return {work.name: work.reason for work in self.plan(**options).work}

    def work(self, name, **options):
        return next(work for work in self.plan(**options).work if work.name == name)

    def ready(self, **options):
        return [work.name for work in self.plan(**options).work if work.is_ready]

    def build(self, work):
        records = self.found.setdefault(work.key, Records())
        if not work.only_checks:
            self.arrived.get(work.key, {}).pop(work.partition, None)
            self.touch(work.key, work.partition)
            for key, version in work.inputs:
                records.inputs.setdefault(key, {})[work.partition] = version
        for name in self.by_key[work.key].table_checks:
            records.checks.setdefault(name, {})[WHOLE] = records.versions[WHOLE]

    def build_all(self, **options):
        """Do the first ready work until nothing is ready; return what was done."""
        done = []
        while work := next((w for w in self.plan(**options).work if w.is_ready), None):
            assert (work.key, work.partition) not in done
            self.build(work)
            done.append((work.key, work.partition))
        return done

    def touch(self, key, partition=WHOLE, code="1"):
        """Give a partition, and the whole, a new version that its checks passed."""
        self.clock += 1
        records, version = self.found[key], (self.clock << 7 | int(code)) << 12
        records.versions.update({partition: version, WHOLE: version})
        for name in self.by_key[key].checks:
            records.checks.setdefault(name, {})[partition] = version
        for name in self.by_key[key].table_checks:
            records.checks.setdefault(name, {})[WHOLE] = version

    def judge(self, key, check, partition, verdict):
        """Let a check fail on the present version, or forget its verdict."""
        judged = self.found[key].checks[check]
        judged[partition] = -self.found[key].versions[partition] if verdict == "failed" else 1

    def lose(self, key, *partitions):
        """Remove partitions, or the whole output."""
        if not partitions:
            del self.found[key]
        for partition in partitions:
            del self.found[key].versions[partition]


@pytest.fixture
def world():
    return World()


def test_nothing_is_pending_when_all_inputs_are_those_built_from(world):
    plan = world.plan()

    assert plan.work == ()
    assert plan.lost == {}
    assert plan.outdated == {}


def test_empty_project_builds_what_has_no_partitions_in_the_order_of_the_graph():
    order = [output.key for output in in_build_order(ALL)]

    world = World(partitions=())

    assert sorted(order) == sorted(world.by_key)
    for output in ALL:
        assert all(order.index(key) < order.index(output.key) for key in output.all_inputs)
    assert [*world.found] == [key for key in order if key in world.found]
    # Without partitions nothing but the stream is in gold.
    assert {*world.found["gold"].versions} == {"stream", WHOLE}
    assert not {"bronze", "silver"} & {*world.found}


def test_newer_input_makes_only_what_is_built_from_it_pending(world):
    world.touch("mart")

    (work,) = world.plan().work

    mart = world.found["mart"].versions[WHOLE]
    own = world.found["copy"].versions[WHOLE]
    assert work == Work("copy", WHOLE, "mart is newer", inputs=(("mart", mart),), version=own)


def test_output_waits_on_inputs_with_pending_work(world):
    world.touch("gold", "p1")

    works = {work.key: work for work in world.plan().work}

    assert works["mart"].is_ready
    assert works["copy"].reason == "mart is pending"
    assert works["copy"].waits_on == ("mart",)
    assert not works["copy"].is_ready


def test_changed_partition_makes_only_the_same_partition_below_pending(world):
    world.touch("bronze", "p2")

    pending = world.pending()

    assert pending == {
        "silver[p2]": "bronze[p2] is newer",
        "gold[p2]": "silver[p2] is pending",
        "mart": "gold[p2] is pending",
        "copy": "mart is pending",
    }
    work = world.work("gold[p2]")
    assert work.waits_on == ("silver",)
    assert [key for key, _ in work.inputs] == ["silver", "products"]


def test_new_partition_is_built_through_all_partitioned_outputs(world):
    world.arrived["bronze"]["p3"] = "it is new in the landing zone"

    pending = world.pending()

    assert [*pending] == ["bronze[p3]", "silver[p3]", "gold[p3]", "mart", "copy"]
    assert pending["bronze[p3]"] == "it is new in the landing zone"
    assert pending["silver[p3]"] == "it was not built yet"


def test_changed_whole_input_makes_all_partitions_pending(world):
    world.touch("products")

    pending = world.pending()

    assert {name: why for name, why in pending.items() if name.startswith("gold")} == dict.fromkeys(
        ["gold[p1]", "gold[p2]", "gold[stream]"], "products is newer"
    )


def test_pending_whole_input_makes_all_partitions_wait(world):
    world.lose("products")

    for partition in ("p1", "p2", "stream"):
        work = world.work(f"gold[{partition}]")
        assert (work.reason, work.waits_on) == ("products is pending", ("products",))


def test_input_of_one_partition_makes_only_this_partition_pending(world):
    world.touch("streamed")

    assert [*world.pending()] == ["gold[stream]", "mart", "copy"]
    own, products = (world.found[key].versions[WHOLE] for key in ("streamed", "products"))
    expected = (("silver", 0), ("products", products), ("streamed", own))
    assert world.work("gold[stream]").inputs == expected


def test_partition_whose_own_input_was_never_there_is_not_pending(world):
    world.lose("gold")
    world.lose("streamed")
    world.lose("events")

    assert {*world.pending(selected={"gold"})} == {"gold[p1]", "gold[p2]"}


def test_input_of_one_partition_that_is_pending_leaves_the_others_alone(world):
    for key in ("events", "streamed"):
        world.lose(key)
    world.lose("gold", "stream")
    del world.found["gold"].inputs["streamed"]

    assert [*world.pending()] == ["events", "streamed"]


def test_partition_without_records_of_inputs_that_are_not_there_is_current(world):
    del world.found["gold"].inputs["silver"]["stream"]

    assert world.pending() == {}


def test_output_without_a_record_of_an_input_that_is_not_there_is_current(world):
    world.lose("events")
    del world.found["streamed"].inputs["events"]

    assert world.pending(selected={"streamed"}) == {}


def test_partition_whose_own_input_is_pending_waits(world):
    world.lose("streamed")

    assert world.work("gold[stream]").waits_on == ("streamed",)
    assert world.build_all() == [
        ("streamed", WHOLE),
        ("gold", "stream"),
        ("mart", WHOLE),
        ("copy", WHOLE),
    ]


def test_missing_table_is_pending_with_all_its_partitions(world):
    world.lose("gold")

    pending = world.pending()

    assert [*pending] == ["gold[p1]", "gold[p2]", "gold[stream]", "mart", "copy"]
    assert pending["gold[p1]"] == "it is missing"
    work = world.work("gold[p1]")
    assert (work.version, work.rebuilds, work.is_ready) == (0, True, True)


def test_missing_whole_output_is_pending(world):
    world.lose("copy")

    assert world.pending() == {"copy": "it is missing"}


def test_missing_partition_is_pending(world):
    world.lose("silver", "p2")

    pending = world.pending()

    assert [*pending] == ["silver[p2]", "gold[p2]", "mart", "copy"]
    assert pending["silver[p2]"] == "it was not built yet"


def test_damaged_partition_is_built_again(world):
    world.damage["silver"] = {"p1": MISSING_FILE}

    assert [*world.pending()] == ["silver[p1]", "gold[p1]", "mart", "copy"]
    work = world.work("silver[p1]")
    assert (work.reason, work.rebuilds) == (MISSING_FILE, True)
    assert not world.work("gold[p1]").rebuilds


def test_damaged_whole_is_built_again_with_all_its_partitions(world):
    world.damage["gold"] = {WHOLE: MISSING_FILE}

    works = [work for work in world.plan().work if work.key == "gold"]

    assert [(w.partition, w.reason, w.rebuilds) for w in works] == [
        ("p1", MISSING_FILE, True),
        ("p2", MISSING_FILE, True),
        ("stream", MISSING_FILE, True),
    ]


def test_damaged_output_without_partitions_is_built_again(world):
    world.damage["mart"] = {WHOLE: MISSING_FILE}

    assert world.pending() == {"mart": MISSING_FILE, "copy": "mart is pending"}


def test_arrivals_are_pending_with_their_reasons(world):
    world.arrived["bronze"] = {"p1": "it changed in the landing zone"}
    world.arrived["events"] = {WHOLE: "the hub has 3 unread events"}

    pending = world.pending()

    assert pending["bronze[p1]"] == "it changed in the landing zone"
    assert pending["events"] == "the hub has 3 unread events"
    assert "bronze[p2]" not in pending
    assert not world.work("events").rebuilds


def test_used_partition_that_is_gone_is_lost_and_its_outputs_stay(world):
    world.lose("bronze", "p2")

    plan = world.plan()

    assert plan.lost == {"bronze[p2]": "it is missing, and its files are not in the landing zone"}
    assert plan.work == ()


def test_used_partition_that_is_gone_and_has_arrived_is_read_again(world):
    world.lose("bronze", "p2")
    world.arrived["bronze"]["p2"] = "it is new in the landing zone"

    plan = world.plan()

    assert plan.lost == {}
    assert [work.name for work in plan.work][:2] == ["bronze[p2]", "silver[p2]"]


def test_gone_partition_that_nothing_was_built_from_is_not_lost(world):
    world.lose("bronze", "p2")
    world.lose("silver", "p2")
    del world.found["silver"].inputs["bronze"]["p2"]
    del world.found["gold"].inputs["silver"]["p2"]

    assert world.plan().lost == {}


def test_damaged_partition_that_has_not_arrived_is_lost_and_the_others_are_read(world):
    world.damage["bronze"] = {"p1": MISSING_FILE, "p2": MISSING_FILE}
    world.arrived["bronze"] = {"p2": MISSING_FILE}

    plan = world.plan()

    why = f"{MISSING_FILE}, and its files are not in the landing zone"
    assert plan.lost == {"bronze[p1]": why}
    assert [w.name for w in plan.work] == ["bronze[p2]", "silver[p2]", "gold[p2]", "mart", "copy"]


@pytest.mark.parametrize("readable", [True, False])
def test_damaged_log_of_which_a_part_is_lost_is_left_to_a_person(world, readable):
    if not readable:
        world.found["bronze"] = Records()
    world.damage["bronze"] = {WHOLE: "the log cannot be read"}
    world.arrived["bronze"] = {"p1": "it is new in the landing zone"}

    plan = world.plan()

    why = "the log cannot be read, and its files are not in the landing zone"
    assert plan.lost == {"bronze[p2]": why}
    assert plan.work == ()


@pytest.mark.parametrize("readable", [True, False])
def test_damaged_log_of_which_all_has_arrived_is_built_again(world, readable):
    if not readable:
        world.found["bronze"] = Records()
    world.damage["bronze"] = {WHOLE: "the log cannot be read"}
    world.arrived["bronze"] = dict.fromkeys(["p1", "p2"], "it is new in the landing zone")

    plan = world.plan()

    assert plan.lost == {}
    assert [work.name for work in plan.work][:2] == ["bronze[p1]", "bronze[p2]"]


def test_damaged_log_of_a_built_table_is_left_to_a_person_if_inputs_are_lost(world):
    world.lose("bronze", "p2")
    world.damage["silver"] = {WHOLE: "the log cannot be read"}

    plan = world.plan()

    why = "the log cannot be read, and what it was built from is missing"
    assert plan.lost["silver[p2]"] == why
    assert plan.work == ()


def test_damaged_log_of_which_an_unused_part_has_not_arrived_is_left_to_a_person():
    world = World(BRONZE)
    world.damage["bronze"] = {WHOLE: "the log cannot be read"}
    world.arrived["bronze"] = {"p1": "it is new in the landing zone"}

    plan = world.plan()

    assert [*plan.lost] == ["bronze[p2]"]
    assert plan.work == ()


@pytest.mark.parametrize("damaged", ["bronze", "silver"])
def test_damaged_log_of_a_table_without_any_source_is_lost(damaged):
    world = World(BRONZE, SILVER) if damaged == "silver" else World(BRONZE)
    world.lose("bronze")
    world.found[damaged] = Records()
    world.damage[damaged] = {WHOLE: "the log cannot be read"}

    plan = world.plan()

    assert plan.lost[damaged].startswith("the log cannot be read, and ")
    assert plan.work == ()


def test_missing_table_whose_inputs_are_missing_is_lost_by_what_was_built_from_it(world):
    world.lose("bronze")
    world.lose("silver")

    plan = world.plan()

    why = "it is missing, and what it was built from is missing"
    assert plan.lost == {"silver[p1]": why, "silver[p2]": why}
    assert plan.work == ()


@pytest.mark.parametrize("fault", ["damaged", "missing"])
def test_lost_events_are_not_read_on(world, fault):
    world.arrived["events"] = {WHOLE: "the hub has 3 unread events"}
    if fault == "damaged":
        world.damage["events"] = {WHOLE: MISSING_FILE}
    else:
        world.lose("events")

    plan = world.plan()

    assert plan.lost == {"events": MISSING_FILE if fault == "damaged" else "it is missing"}
    assert plan.work == ()


def test_events_that_nothing_was_built_from_are_not_lost():
    world = World(EVENTS)
    world.lose("events")

    assert world.plan().lost == {}
    assert world.pending() == {"events": "it is missing"}


def test_partition_of_which_one_of_two_inputs_is_gone_stays():
    both = Output("both", ("bronze", "other"), partitioned=True)
    world = World(BRONZE, replace(BRONZE, key="other"), both)
    world.lose("other", "p1")
    for partition in ("p1", "p2"):
        world.touch("bronze", partition)

    assert [*world.pending()] == ["both[p2]"]


@pytest.mark.parametrize("reason", ["requested", "damaged", "code", "failed"])
def test_output_of_a_gone_input_is_left_for_any_reason(reason):
    world = World(EVENTS, Output("mart", ("events",), checks=("adds_up",)))
    world.lose("events")
    if reason == "damaged":
        world.damage["mart"] = {WHOLE: MISSING_FILE}
    if reason == "failed":
        world.judge("mart", "adds_up", WHOLE, "failed")
    if reason == "code":
        world.by_key["mart"] = replace(world.by_key["mart"], code_version="2")
    rebuild = {"mart": {WHOLE}} if reason == "requested" else {}

    assert world.plan(rebuild=rebuild, code_changed=True).work == ()


@pytest.mark.parametrize(("verdict", "text"), [("failed", "failed"), ("not run", "was not run")])
def test_partition_that_has_not_passed_its_own_check_is_built_again(world, verdict, text):
    world.judge("silver", "accounted", "p1", verdict)

    assert [*world.pending()] == ["silver[p1]", "gold[p1]", "mart", "copy"]
    work = world.work("silver[p1]")
    assert (work.reason, work.rebuilds) == (f"check accounted {text}", True)
    assert world.work("gold[p1]").blocked == ""


@pytest.mark.parametrize(("verdict", "text"), [("failed", "failed"), ("not run", "was not run")])
def test_below_a_partition_that_was_tried_and_has_not_passed_nothing_is_built(world, verdict, text):
    world.touch("silver", "p1")
    world.judge("silver", "accounted", "p1", verdict)

    plan = world.plan(settled=[("silver", "p1")])

    blocked = {work.name: (work.blocked, work.waits_on) for work in plan.work}
    assert blocked == {
        "gold[p1]": (f"silver[p1]: check accounted {text}", ()),
        "mart": ("", ("gold",)),
        "copy": ("", ("mart",)),
    }
    assert not any(work.is_ready for work in plan.work)


def test_other_partitions_are_built_beside_one_that_has_not_passed(world):
    world.touch("silver", "p1")
    world.judge("silver", "accounted", "p1", "failed")
    world.touch("bronze", "p2")

    assert world.ready(settled=[("silver", "p1")]) == ["silver[p2]"]
    world.build(world.work("silver[p2]"))
    assert world.ready(settled=[("silver", "p1")]) == ["gold[p2]"]


def test_below_a_failed_check_of_a_partition_no_whole_is_built():
    world = World(BRONZE, SILVER, Output("mart", ("silver",)))
    world.touch("silver", "p1")
    world.judge("silver", "accounted", "p1", "failed")

    (work,) = world.plan(settled=[("silver", "p1")]).work

    assert (work.key, work.blocked) == ("mart", "silver[p1]: check accounted failed")


def test_check_of_a_whole_table_that_was_not_run_is_run_without_a_build(world):
    world.judge("gold", "unique", WHOLE, "not run")
    world.touch("gold", "stream")
    world.judge("gold", "unique", WHOLE, "not run")

    works = {work.name: work for work in world.plan().work}

    version = world.found["gold"].versions[WHOLE]
    assert works["gold"] == Work(
        "gold",
        WHOLE,
        "check unique was not run",
        inputs=(("gold", version),),
        version=version,
        only_checks=True,
    )
    assert works["mart"].reason == "gold is newer"
    assert (works["mart"].waits_on, works["mart"].blocked) == (("gold",), "")
    assert [*works] == ["gold", "mart", "copy"]


def test_partitions_below_wait_for_the_check_of_a_whole_table():
    below = Output("below", ("gold",), partitioned=True)
    world = World(BRONZE, SILVER, PRODUCTS, EVENTS, STREAMED, GOLD, below)
    world.touch("gold", "p1")
    world.judge("gold", "unique", WHOLE, "not run")

    assert world.work("below[p1]").waits_on == ("gold",)


def test_check_of_a_whole_table_alone_changes_nothing_below(world):
    world.judge("gold", "unique", WHOLE, "not run")

    assert world.pending() == {"gold": "check unique was not run"}


def test_check_of_a_whole_table_runs_with_a_pending_build(world):
    world.judge("gold", "unique", WHOLE, "not run")
    world.touch("silver", "p1")

    assert [*world.pending()] == ["gold[p1]", "mart", "copy"]


def test_check_of_a_whole_table_does_not_wait_for_a_blocked_build(world):
    world.judge("gold", "unique", WHOLE, "not run")
    world.touch("silver", "p1")
    world.judge("silver", "accounted", "p1", "failed")

    assert world.ready(settled=[("silver", "p1")]) == ["gold"]
    assert world.work("gold", settled=[("silver", "p1")]).only_checks


def test_check_of_a_whole_table_that_was_tried_blocks_what_is_below(world):
    world.touch("gold", "p1")
    world.judge("gold", "unique", WHOLE, "not run")

    plan = world.plan(settled=[("gold", WHOLE)])

    blocked = {work.key: work.blocked for work in plan.work}
    assert blocked == {"mart": "gold: check unique was not run", "copy": ""}


def test_failed_check_of_a_whole_table_rebuilds_all_its_partitions(world):
    world.judge("gold", "unique", WHOLE, "failed")

    pending = world.pending()

    assert [*pending] == ["gold[p1]", "gold[p2]", "gold[stream]", "mart", "copy"]
    assert pending["gold[p1]"] == "check unique failed"
    assert world.work("gold[p1]").rebuilds


def test_failed_check_of_a_whole_table_blocks_below_partitions_that_were_rebuilt():
    below = Output("below", ("gold",), partitioned=True)
    world = World(BRONZE, SILVER, PRODUCTS, EVENTS, STREAMED, GOLD, below)
    world.touch("gold", "p1")
    world.judge("gold", "unique", WHOLE, "failed")

    work = world.work("below[p1]", settled=[("gold", "p1")])

    assert work.blocked == "gold: check unique failed"


def test_failed_check_of_a_whole_table_that_was_tried_blocks_what_is_below(world):
    world.touch("products")
    world.judge("products", "unique", WHOLE, "failed")

    plan = world.plan(settled=[("products", WHOLE)])

    assert {work.blocked for work in plan.work if work.key == "gold"} == {
        "products: check unique failed"
    }
    assert not any(work.key == "products" for work in plan.work)


def test_check_of_a_whole_table_that_failed_is_not_run_again_without_a_build(world):
    world.touch("gold", "p1")
    world.judge("gold", "unique", WHOLE, "failed")
    settled = [("gold", partition) for partition in ("p1", "p2", "stream")]

    blocked = {work.name: work.blocked for work in world.plan(settled=settled).work}

    assert blocked == {"mart": "gold: check unique failed", "copy": ""}


@pytest.mark.parametrize("optional", [False, True])
def test_what_could_not_be_built_blocks_below_unless_it_is_optional(optional):
    silver = Output("silver", ("bronze",), partitioned=True, optional=optional)
    world = World(BRONZE, silver, Output("below", ("silver",)))
    world.lose("silver", "p1")
    world.touch("silver", "p2")

    work = world.work("below", settled=[("silver", "p1")])

    assert work.blocked == ("" if optional else "silver[p1], which is missing")


def test_settled_work_does_not_hold_up_what_is_below(world):
    world.touch("bronze", "p1")
    world.touch("silver", "p2")

    assert world.ready(settled=[("silver", "p1")]) == ["gold[p2]"]
    assert "silver[p1]" not in world.pending(settled=[("silver", "p1")])


def test_settled_work_that_is_missing_holds_up_what_is_below():
    world = World(BRONZE, SILVER, Output("mart", ("silver",)))
    world.touch("silver", "p2")
    world.lose("silver", "p1")

    (work,) = world.plan(settled=[("silver", "p1")]).work

    assert (work.key, work.blocked) == ("mart", "silver[p1], which is missing")


def test_arrival_that_could_not_be_read_does_not_hold_up_the_other_partitions(world):
    world.arrived["bronze"] = dict.fromkeys(["p2", "p3"], "it is new in the landing zone")
    settled = [("bronze", "p3")]

    assert world.build_all(settled=settled) == [
        ("bronze", "p2"),
        ("silver", "p2"),
        ("gold", "p2"),
        ("mart", WHOLE),
        ("copy", WHOLE),
    ]


def test_arrival_that_could_not_be_read_does_not_hold_up_a_whole():
    world = World(BRONZE, Output("mart", ("bronze",)))
    world.arrived["bronze"] = dict.fromkeys(["p1", "p3"], "it is new in the landing zone")

    assert world.build_all(settled=[("bronze", "p3")]) == [("bronze", "p1"), ("mart", WHOLE)]


def test_output_without_any_input_is_not_built_from_nothing():
    world = World(Output("model"), Output("mart", ("model",)))
    world.lose("model")
    world.lose("mart")

    assert world.ready(settled=[("model", WHOLE)]) == []


def test_output_of_a_missing_whole_that_could_not_be_built_stays(world):
    world.lose("products")
    world.touch("silver", "p1")

    assert world.pending(settled=[("products", WHOLE)]) == {}


def test_only_selected_outputs_are_pending(world):
    world.touch("bronze", "p1")
    world.touch("mart")

    assert world.pending(selected={"silver", "copy"}) == {
        "silver[p1]": "bronze[p1] is newer",
        "copy": "mart is newer",
    }
    assert world.pending(selected={"gold"}) == {}


def test_requested_partition_that_has_not_changed_outside_is_read_again(world):
    assert world.ready(rebuild={"bronze": {"p1"}}) == ["bronze[p1]"]


def test_requested_partitions_are_built_again(world):
    rebuild = {"silver": {"p2", "unknown"}}

    assert [*world.pending(rebuild=rebuild)] == ["silver[p2]", "gold[p2]", "mart", "copy"]
    work = world.work("silver[p2]", rebuild=rebuild)
    assert (work.reason, work.rebuilds) == ("it was requested", True)


@pytest.mark.parametrize(
    ("key", "names"),
    [("gold", ["gold[p1]", "gold[p2]", "gold[stream]", "mart", "copy"]), ("copy", ["copy"])],
)
def test_requested_whole_is_built_with_all_its_partitions(world, key, names):
    assert [*world.pending(rebuild={key: {WHOLE}})] == names


def test_code_of_another_version_is_outdated_and_pending_only_on_demand(world):
    world.by_key["silver"] = replace(SILVER, code_version="2")
    world.by_key["mart"] = replace(MART, code_version="2")
    for partition in ("p1", "p2"):
        world.touch("silver", partition, code="2" if partition == "p1" else "1")
        world.build_all()

    plan, changed = world.plan(), world.plan(code_changed=True)

    assert plan.work == ()
    assert plan.outdated == changed.outdated == {"silver": 1, "mart": 1}
    assert [work.name for work in changed.work] == ["silver[p2]", "gold[p2]", "mart", "copy"]
    assert changed.work[0].reason == "its code changed to version 2"


def test_changed_code_rebuilds_also_what_has_a_newer_input(world):
    world.touch("silver", "p1")
    world.by_key["gold"] = replace(GOLD, code_version="2")

    assert world.work("gold[p1]", code_changed=True).rebuilds
    assert not world.work("gold[p1]").rebuilds


def test_copy_has_no_code_that_could_change(world):
    world.touch("copy", code="3")

    assert world.plan(code_changed=True) == world.plan()
    assert world.plan().outdated == {}


def at(text):
    return datetime.fromisoformat(f"2024-05-07T{text}+00:00")


def written(moment):
    version = int(moment.timestamp() * 1000) << 19
    assert written_at(version) == moment
    return version


@pytest.mark.parametrize(
    ("pace", "before", "now", "due"),
    [
        ("at once", "10:14:59", "10:15:00", True),
        ("at once", "10:15:00", "10:15:00", True),
        ("quarter-hourly", "10:14:59", "10:15:00", True),
        ("quarter-hourly", "10:00:00", "10:14:59", False),
        ("quarter-hourly", "10:15:00", "10:29:59", False),
        ("quarter-hourly", "10:20:00", "10:30:01", True),
        ("daily", "02:59:59", "03:00:00", True),
        ("daily", "03:00:00", "23:59:59", False),
        ("daily", "00:30:00", "02:59:59", False),
    ],
)
def test_work_is_due_at_the_pace_of_its_output(pace, before, now, due):
    work = Work("mart", WHOLE, "gold is newer", version=written(at(before)), pace=pace)

    assert work.is_due(at(now)) is due


def test_daily_work_of_the_day_before_is_due_from_three_on():
    yesterday = at("02:59:00") - timedelta(days=1)
    late = at("12:00:00") - timedelta(days=1)

    for moment, now, due in [
        (yesterday, "02:00:00", True),
        (late, "02:00:00", False),
        (late, "03:00:00", True),
    ]:
        assert Work("m", WHOLE, "", version=written(moment), pace="daily").is_due(at(now)) is due


def test_turns_are_those_of_utc_in_any_time_zone():
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    new_york = timezone(timedelta(hours=-4))
    work = Work("m", WHOLE, "", version=written(at("02:30:00")), pace="daily")

    for zone in (UTC, kathmandu, new_york):
        assert not work.is_due(at("02:59:59").astimezone(zone))
        assert work.is_due(at("03:00:00").astimezone(zone))


@pytest.mark.parametrize("pace", ["at once", "quarter-hourly", "daily"])
def test_missing_output_is_due_at_once(pace):
    assert Work("m", WHOLE, "it is missing", pace=pace).is_due(at("03:00:00"))


def test_work_has_the_pace_of_its_output(world):
    world.by_key["copy"] = replace(COPY, pace="daily")
    world.touch("mart")

    assert world.work("copy").pace == "daily"


@st.composite
def graphs(draw):
    """Draw outputs, each with inputs among those before it."""
    outputs = []
    for number in range(draw(st.integers(1, 7))):
        keys = [output.key for output in outputs]
        chosen = draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
        partitioned = draw(st.booleans())
        whole = [output.key for output in outputs if not output.partitioned]
        own = draw(st.lists(st.sampled_from(whole), max_size=1)) if whole and partitioned else []
        inputs = tuple(key for key in chosen if key not in own)
        outputs.append(
            Output(
                f"output_{number}",
                inputs,
                partitioned=partitioned,
                partition_inputs=tuple(("stream", key) for key in own),
                checks=tuple(draw(st.sets(st.just("own")))),
                table_checks=tuple(draw(st.sets(st.just("table")))),
                arrives=not inputs and not own,
            )
        )
    return outputs, draw(st.sets(st.sampled_from(["p1", "p2", "p3"])))


def partitions_of(world, key):
    versions = world.found[key].versions if key in world.found else {}
    return {p for p in versions if p} if world.by_key[key].partitioned else {WHOLE}


def descendants(world, key, partition):
    """Return key and partition of all that is built from a partition of an output."""
    below = set()
    for output in world.by_key.values():
        if key not in output.all_inputs:
            continue
        if not output.partitioned:
            parts = {WHOLE}
        elif world.by_key[key].partitioned:
            parts = {partition}
        elif key in output.inputs:
            parts = partitions_of(world, output.key)
        else:
            parts = {name for name, own in output.partition_inputs if own == key}
        for part in parts:
            below |= {(output.key, part)} | descendants(world, output.key, part)
    return below


@settings(max_examples=50, deadline=None, derandomize=True)
@given(graphs(), st.randoms(use_true_random=False))
def test_any_graph_is_built_once_and_a_change_makes_exactly_its_descendants_pending(graph, random):
    outputs, partitions = graph
    shuffled = random.sample(outputs, len(outputs))
    # It builds everything, and nothing twice.
    world = World(*shuffled, partitions=sorted(partitions))
    assert world.plan().work == ()
    assert world.plan().lost == {}

    sources = [output.key for output in outputs if output.arrives and output.key in world.found]
    for key in sources:
        for partition in sorted(partitions_of(world, key)):
            expected = descendants(world, key, partition)
            world.touch(key, partition)

            works = world.plan().work

            assert {(work.key, work.partition) for work in works} == expected
            order = [output.key for output in in_build_order(shuffled)]
            assert [work.key for work in works] == sorted((w.key for w in works), key=order.index)
            assert {*world.build_all()} == expected
            assert world.plan().work == ()


def test_pinned_output_is_not_built_and_what_is_built_from_it_follows(world):
    world.touch("bronze", "p1")
    world.touch("silver", "p2")
    pinned = {key: Found(records) for key, records in world.found.items()}
    pinned["silver"] = Found(world.found["silver"], pinned=3)
    outputs = [*world.by_key.values()]

    plan = make_plan(outputs, State(pinned, world.arrived), rebuild={"silver": [WHOLE]})

    assert plan.pinned == {"silver": 3}
    assert plan.pins() == ["silver is pinned to version 3"]
    works = {work.name: work.reason for work in plan.work}
    assert "silver[p1]" not in works
    assert works["gold[p2]"] == "silver[p2] is newer"
    assert "gold[p1]" not in works
    damaged = {"p1": MISSING_FILE}
    pinned["silver"] = Found(world.found["silver"], damaged, pinned=3)
    lost = make_plan(outputs, State(pinned, world.arrived)).lost
    assert lost == {"silver[p1]": f"{MISSING_FILE}, and it is pinned"}
