"""Following `docs/how-to/add-a-table.md` in a copy of the package adds a mart and a dataset."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

import amazon_reviews
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.helpers import review

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "add-a-table.md"
BLOCK = re.compile(r'```python title="(.+?)"\n(.+?)```', re.DOTALL)


def apply_page(root: Path) -> None:
    """Add each code block of the page to the file that its title names."""
    for name, code in BLOCK.findall(PAGE.read_text()):
        file = root / name
        text = file.read_text() if file.exists() else ""
        before, marker, after = text.partition("\nREVIEW_DATASETS")
        file.write_text(f"{before}\n\n{code}{marker}{after}")


def land(root: Path, folder: str, *records: dict[str, object]) -> None:
    """Write records as the landing file of one partition."""
    file = root / "landing" / folder / "partition_1" / "part-0.json"
    file.parent.mkdir(parents=True)
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records))


def test_declaration_and_transform_are_enough_for_a_mart_and_a_dataset(tmp_path: Path) -> None:
    shutil.copytree(Path(amazon_reviews.__file__).parent, tmp_path / "amazon_reviews")
    apply_page(tmp_path)
    land(tmp_path, "amazon_reviews", review(reviewerID="A1"), review(reviewerID="A2"))
    seller = {"sellerID": "S1", "name": "Oakwood"}
    land(tmp_path, "sellers", seller, seller, {"name": "nobody"})
    env = os.environ | environment(tmp_path) | {"PYTHONPATH": str(tmp_path)}

    def command(*arguments: str) -> str:
        process = [sys.executable, "-m", "amazon_reviews.cli", *arguments]
        done = subprocess.run(
            process, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("run", "--select", '+key:"warehouse/verified_years" or +key:"silver/sellers"')

    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as warehouse:
        rows = warehouse.execute("SELECT * FROM gold.verified_years").fetchall()
    assert [reviews for *_, reviews in rows] == [2]
    (silver,) = [
        row
        for row in json.loads(command("reconcile", "--json"))
        if (row["layer"], row["table"]) == ("silver", "sellers")
    ]
    counts = {name: silver[name] for name in ("lines", "kept", "duplicates", "rejected")}
    assert counts == {"lines": 3, "kept": 1, "duplicates": 1, "rejected": 1}
