"""Project and peers on small samples: they must do the same work."""

import shutil
import tempfile
from pathlib import Path

import pytest
from deltalake import DeltaTable

from benchmarks import batch, marts, profiles
from benchmarks.agreement import compare
from benchmarks.gate import peer_faults, project_faults
from benchmarks.peers.registry import PEERS, prepare
from benchmarks.runs import TO_GOLD, Project, run_peer

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("landing") / "landing"
    return batch.landing_zone(folder, 2_000, 2, lambda _: None)


@pytest.fixture(scope="module")
def built(tmp_path_factory, landing):
    out = tmp_path_factory.mktemp("project") / "project"
    project = Project(landing.folder, out)
    return project, project.run("to gold", TO_GOLD), out


@pytest.fixture
def environments():
    """Yield a folder that pytest does not keep, since an environment is large."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _assert_measured(run):
    assert run.seconds > 0
    assert run.cpu_seconds > 0
    assert run.peak_bytes > 10 << 20
    assert sum(seconds for _, seconds, _ in run.steps) <= run.seconds * 1.01
    assert all(run.written[layer] > 10_000 for layer in ("bronze", "silver", "gold"))


def test_project_passes_the_gate(landing, built):
    project, run, _ = built

    assert run.rows == landing.gold_rows
    assert project_faults(project, landing.folder) == []
    assert run.steps[0][0] == "start"
    assert {"bronze/reviews", "silver/reviews", "gold/reviews"} <= {s[0] for s in run.steps}
    _assert_measured(run)


def test_project_with_a_lost_row_fails_the_gate(tmp_path, landing, built):
    _, _, out = built
    shutil.copytree(out, tmp_path / "project")
    project = Project(landing.folder, tmp_path / "project")
    gold = DeltaTable(str(project.lakehouse / "gold" / "reviews"))
    (lost,) = gold.to_pyarrow_table(columns=["review_id"])["review_id"][:1].to_pylist()
    gold.delete(f"review_id = '{lost}'")

    faults = project_faults(project, landing.folder)

    assert any("reconcile: gold/reviews" in fault for fault in faults), faults
    rows = landing.gold_rows
    assert f"gold reviews: expected {rows:,}, found {rows - 1:,}" in faults


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.key)
def test_peer_passes_the_gate_on_all_rows(tmp_path, landing, built, environments, peer):
    pythons = prepare([peer.key], environments)
    if peer not in pythons.by_peer:
        pytest.skip(pythons.skipped[0])
    _, project, _ = built

    run = run_peer(peer, pythons.by_peer[peer], landing.folder, tmp_path / "peer")

    agreement = compare(project.gold, run.gold, project.rows)
    assert agreement.ids == run.rows == landing.gold_rows
    assert peer_faults(tmp_path / "peer", landing.folder, agreement) == []
    _assert_measured(run)


@pytest.mark.long
def test_profiles_are_compared_on_the_same_reviews(tmp_path):
    figures = profiles.bench(2_000, tmp_path / "profiles", 1, lambda _: None)

    base, compared = figures["profiles"]
    assert (base["name"], compared["name"]) == ("amazon_2018", "amazon_2023")
    for each in figures["profiles"]:
        assert [run["rows"] for run in each["runs"]] == [each["expected_rows"]]
    seconds = [each["runs"][0]["seconds"] for each in (base, compared)]
    assert figures["ratios"] == [pytest.approx(seconds[0] / seconds[1], abs=1e-3)]
    assert not (tmp_path / "profiles").exists()


@pytest.mark.long
def test_project_and_duckdb_build_the_same_marts(tmp_path):
    figures = marts.bench(500, tmp_path, lambda _: None, turns=1)

    assert figures["project"]["rows"] == figures["duckdb"]["rows"]
    assert figures["project"]["rows"]["gold/totals"] == 1
    assert list(tmp_path.iterdir()) == []
    text = "\n".join(marts.lines(figures))
    assert f"all marts of {figures['gold_rows']:,} reviews in gold" in text
    assert "marts have as many rows as DuckDB's results" in text
