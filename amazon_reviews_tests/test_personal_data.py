"""Personal data: every column with it is marked, and what is created is private."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from amazon_reviews.definitions import defs
from amazon_reviews.pipeline.artifacts import FILES, MODELS
from amazon_reviews.schemas import PUBLISHED, TABLES
from amazon_reviews_tests.dagster.project import environment

KINDS = {
    "id": {"reviewer_id", "user_id", "user"},
    "name": {"reviewer_name", "user_name"},
    "text": {
        *("raw", "body", "properties", "detail", "rescued"),
        *("review_text", "review_text_normalized", "summary"),
    },
}
ID, NAME = "A1PLANTEDREVIEWER", "Wilhelmina Testfield"
SUMMARY, TEXT = "Utterly planted headline", "The planted kettle whistles out of tune"


def test_columns_with_ids_names_or_texts_of_people_are_marked():
    kinds = {name: kind for kind, names in KINDS.items() for name in names}
    marks = {(t.key, c.name): c.pii for t in TABLES.values() for c in t.columns}

    assert marks == {(key, name): kinds.get(name) for key, name in marks}
    assert {kinds[name] for _, name in marks if name in kinds} == {*KINDS}


def test_assets_and_columns_with_personal_data_have_a_tag():
    assets = defs.resolve_asset_graph()
    tables = {(*table.path,): table for table in TABLES.values()}
    tables |= {("warehouse", table.name): table for table in PUBLISHED}
    artifacts = {(*artifact.key.split("/"),): artifact for artifact in (*MODELS, *FILES)}

    seen = set()
    for key in assets.get_all_asset_keys():
        node = assets.get(key)
        declared = (tables | artifacts)[(*key.path,)]
        assert (node.tags.get("pii") == "true") == bool(declared.pii), key
        seen.add(node.tags.get("pii"))
        if (*key.path,) in tables:
            schema: dg.TableSchema = node.metadata["dagster/column_schema"]
            tags = {column.name: column.tags.get("pii") for column in schema.columns}
            in_warehouse = key.path[0] == "warehouse"
            columns = declared.published_columns if in_warehouse else declared.columns
            assert tags == {column.name: column.pii for column in columns}, key
    assert seen == {None, "true"}


def test_files_and_folders_are_created_for_their_owner_only(tmp_path):
    out = tmp_path / "sample"
    out.mkdir()
    out.chmod(0o755)
    options = ("--reviews", "20", "--products", "5", "--users", "5", "--partitions", "1")

    command(tmp_path, "sample", "--events", "1", *options, "--out", str(out))

    assert modes(out) == {0o700, 0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o755


def test_processes_that_dagster_starts_create_files_for_their_owner_only():
    code = "import os, amazon_reviews.definitions; print(os.umask(0))"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, umask=0o022
    )

    assert int(loaded.stdout) == 0o077


@pytest.mark.long
def test_dagsters_storage_has_no_personal_data_and_all_files_are_private(tmp_path):
    folder = tmp_path / "landing" / "amazon_reviews" / "partition_1"
    folder.mkdir(parents=True)
    reviews = [planted(number) for number in range(30)]
    # One line is rejected: its text and the detail about it are data of a person too.
    lines = [json.dumps(review) for review in reviews] + [json.dumps(planted(99, overall=TEXT))]
    (folder / "reviews.json").write_text("\n".join(lines))

    command(tmp_path, "run")

    stored = DeltaTable(str(tmp_path / "lakehouse" / "gold" / "reviews")).to_pyarrow_table()
    assert pc.sum(pc.equal(stored["reviewer_name"], NAME)).as_py() == len(reviews)
    planted_data = [text.encode() for text in (ID, NAME, SUMMARY, TEXT, TEXT.lower())]
    files = [path for path in (tmp_path / "dagster").rglob("*") if path.is_file()]
    assert sum(b"partition_1" in path.read_bytes() for path in files)
    assert not [path for path in files if any(d in path.read_bytes() for d in planted_data)]
    report = (tmp_path / "report.html").read_bytes()
    assert ID.encode() not in report
    assert modes(tmp_path, but=tmp_path / "landing") == {0o700, 0o600}


def planted(number: int, **fields: object) -> dict[str, object]:
    return {
        "reviewerID": f"{ID}{number}",
        "reviewerName": NAME,
        "asin": f"B{number % 4:09}",
        "overall": float(number % 5 + 1),
        "summary": f"{SUMMARY} {number}",
        "reviewText": f"{TEXT} {number}",
        "unixReviewTime": 1_400_000_000 + 86_400 * number,
        "secretField": f"{NAME} {ID}",
        **fields,
    }


def command(root: Path, *arguments: str) -> None:
    """Run a command of the console script in a project, with the usual umask."""
    subprocess.run(
        [sys.executable, "-m", "amazon_reviews.cli", *arguments],
        env=os.environ | environment(root),
        umask=0o022,
        check=True,
        capture_output=True,
    )


def modes(root: Path, but: Path | None = None) -> set[int]:
    """Return the modes of all that is below a folder, but not of `but` and below it."""
    paths = [path for path in root.rglob("*") if not (but and path.is_relative_to(but))]
    return {stat.S_IMODE(path.stat().st_mode) for path in paths if not path.is_symlink()}
