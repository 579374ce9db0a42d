"""Alerts of headless runs that fail outside the runs of Dagster, and test alerts."""

import pytest

from amazon_reviews_tests.ports import free_port
from amazon_reviews_tests.test_cli import cli


@pytest.fixture
def addresses(receiver, monkeypatch):
    monkeypatch.setenv("AMAZON_REVIEWS_ALERTS", receiver.url)


def test_run_that_fails_outside_a_step_is_one_alert_until_it_succeeds(
    tmp_path, receiver, addresses
):
    """First there is no landing zone, then one whose only file is not read."""
    bronze = ("run", "--select", "key:bronze/products")
    assert [cli(tmp_path, *bronze).exit_code for _ in range(2)] == [2, 2]

    (alert,) = receiver.take()
    assert (alert["status"], alert["asset"]) == (
        "failed",
        "amazon-reviews run --select key:bronze/products",
    )
    assert "is not a folder; create it" in alert["reason"]
    assert alert["command"] == "amazon-reviews doctor"

    (tmp_path / "landing").mkdir()
    misplaced = tmp_path / "landing" / "All_Beauty.jsonl"
    misplaced.write_text("{}")
    assert cli(tmp_path, *bronze).exit_code == 1
    assert receiver.take() == []
    misplaced.unlink()
    assert cli(tmp_path, *bronze).exit_code == 0
    assert [alert["status"] for alert in receiver.take()] == ["resolved"]


def test_run_that_cannot_use_its_dagster_home_is_an_alert(tmp_path, receiver, addresses):
    (tmp_path / "landing").mkdir()
    (tmp_path / "dagster").write_text("no folder")

    assert cli(tmp_path, "run").exit_code == 2

    (alert,) = receiver.take()
    assert "DAGSTER_HOME" in alert["reason"]


def test_test_alert_names_the_destinations_that_do_not_accept_it(tmp_path, receiver, monkeypatch):
    without = cli(tmp_path, "send-test-alert")
    nobody = f"http://127.0.0.1:{free_port()}/s3cr3tKey"
    monkeypatch.setenv("AMAZON_REVIEWS_ALERTS", f"{receiver.url} {nobody}")
    result = cli(tmp_path, "send-test-alert")

    assert (without.exit_code, without.stdout) == (2, "")
    assert result.exit_code == 1
    assert result.stdout == "destination 1: accepted\ndestination 2: ConnectionError\n"
    (alert,) = receiver.take()
    assert (alert["title"], alert["status"]) == ("warning: test alert", "warning")
