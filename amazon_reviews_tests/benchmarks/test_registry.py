"""Peers that cannot run are skipped with a reason."""

from benchmarks.peers.registry import prepare


def test_peer_whose_packages_cannot_be_installed_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    pythons = prepare(["polars"], tmp_path)

    assert pythons.by_peer == {}
    (reason,) = pythons.skipped
    assert reason.startswith("Polars: cannot install polars==2.1.0 polars-hash==0.9.3: ERROR: No ")


def test_spark_without_java_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    pythons = prepare(["duckdb", "spark"], tmp_path)

    assert [peer.key for peer in pythons.by_peer] == ["duckdb"]
    assert pythons.skipped == ["JVM Spark: no java was found"]
