"""The correctness gate: outcomes, and values of two tables."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from benchmarks.agreement import Agreement, compare
from benchmarks.gate import peer_faults

EQUAL = Agreement(3, 0, {"vote": 0})
TRUTH = {
    "reviews": {
        "partition_1": {"distinct": 2, "duplicates_within": 1, "rejected": {"not_json": 2}},
        "partition_2": {
            "distinct": 2,
            "duplicates_within": 0,
            "rejected": {"not_json": 1, "wrong_type": 1},
        },
    },
    "gold": {"reviews": 3, "products": 1},
}
TABLES = {
    "gold/reviews": {"review_id": ["00", "11", "22"]},
    "gold/products": {"asin": ["A"]},
    "silver/reviews": {"review_id": ["00", "11", "22", "00"]},
    "silver/duplicates/reviews": {"id": ["00"]},
    "silver/rejected/reviews": {"reason": ["not_json", "not_json", "not_json", "wrong_type"]},
}


@pytest.fixture
def landing(tmp_path):
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "truth.json").write_text(json.dumps(TRUTH))
    return tmp_path / "landing"


def _peer(folder, **changed):
    for name, columns in (TABLES | changed).items():
        (folder / name / "partition=1").mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / name / "partition=1" / "a.parquet")
    return folder


def test_gate_passes_rows_of_the_truth_and_equal_values(tmp_path, landing):
    assert peer_faults(_peer(tmp_path / "peer"), landing, EQUAL) == []


@pytest.mark.parametrize(
    ("table", "columns", "fault"),
    [
        ("gold/reviews", {"review_id": ["00"]}, "gold reviews: expected 3, found 1"),
        ("gold/products", {"asin": ["A", "B"]}, "gold products: expected 1, found 2"),
        ("silver/reviews", {"review_id": ["00"]}, "kept: expected 4, found 1"),
        ("silver/duplicates/reviews", {"id": ["0", "1"]}, "duplicates: expected 1, found 2"),
        (
            "silver/rejected/reviews",
            {"reason": ["not_json"] * 4},
            "rejected: expected not_json 3, wrong_type 1, found not_json 4",
        ),
    ],
)
def test_gate_names_rows_that_are_not_those_of_the_truth(tmp_path, landing, table, columns, fault):
    out = _peer(tmp_path / "peer", **{table: columns})

    assert peer_faults(out, landing, EQUAL) == [fault]


def test_gate_names_tables_without_files(tmp_path, landing):
    faults = peer_faults(tmp_path / "nothing", landing, EQUAL)

    assert "gold reviews: expected 3, found 0" in faults
    assert "rejected: expected not_json 3, wrong_type 1, found none" in faults


@pytest.mark.parametrize(
    ("agreement", "fault"),
    [
        (Agreement(3, 0, {"vote": 1}), "vote: 1 of 3 values differ from the project's"),
        (Agreement(3, 2, {"vote": 0}), "reviews: 2 of the sample in one table only"),
        (Agreement(0, 0, {"vote": 0}), "values: no review to compare"),
    ],
)
def test_gate_names_values_that_differ(tmp_path, landing, agreement, fault):
    assert peer_faults(_peer(tmp_path / "peer"), landing, agreement) == [fault]


def test_comparison_reports_different_values_and_ids(tmp_path):
    rows = {
        "review_id": ["00", "11", "22"],
        "review_text": ["one", "two", "three"],
        "summary": ["a", None, "c"],
        "word_count": [1, 1, 1],
        "overall": [5.0, 4.0, None],
        "reviewed_on": [None, None, None],
        "vote": [1, None, 2],
    }
    ours = pa.table(rows).cast(_schema())
    write_deltalake(str(tmp_path / "ours"), ours)
    (tmp_path / "theirs").mkdir()
    changed = rows | {"review_id": ["00", "11", "33"], "review_text": ["one", "2", "three"]}
    theirs = pa.table(changed).cast(_schema())
    pq.write_table(theirs, tmp_path / "theirs" / "a.parquet")
    agreement = compare(tmp_path / "ours", tmp_path / "theirs", 3)
    assert (agreement.ids, agreement.only_in_one) == (2, 2)
    assert {name for name, n in agreement.differing.items() if n} == {"review_text"}
    assert not agreement.complete


def _schema():
    texts = [(name, pa.string()) for name in ("review_id", "review_text", "summary")]
    others = [("word_count", pa.int32()), ("overall", pa.float64())]
    return pa.schema([*texts, *others, ("reviewed_on", pa.date32()), ("vote", pa.int32())])
