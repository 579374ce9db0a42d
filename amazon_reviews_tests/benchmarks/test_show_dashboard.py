"""The times of the dashboard, on a small warehouse."""

import json

from amazon_reviews import config
from amazon_reviews_tests.serving import synthetic
from amazon_reviews_tests.serving.scripts import prepare_scripts
from benchmarks import show_dashboard


def test_pages_and_filters_are_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(config.WAREHOUSE, synthetic.write_warehouse(tmp_path, synthetic.tables()))
    monkeypatch.setattr(
        show_dashboard, "FILTERS", show_dashboard.FILTERS | {"months": ((2013, 2), (2015, 3))}
    )
    monkeypatch.setattr(show_dashboard, "SEARCH", "product")
    prepare_scripts()

    show_dashboard.main()

    seconds = json.loads(capsys.readouterr().out)
    assert {f"filter by {key}" for key in ("categories", *show_dashboard.FILTERS)} <= set(seconds)
    assert {"cold", "warm", "a product's reviews"} <= set(seconds)
    assert seconds["cold"] > 0
