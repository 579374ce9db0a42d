"""Following `docs/how-to/map-your-own-columns.md`: the export of its shop becomes its rows."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.errors import ProfileError
from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews.pipeline.intake import Intake
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews_tests.helpers import BATCH_ROWS, rows

PAGE = (Path(__file__).parents[1] / "docs" / "how-to" / "map-your-own-columns.md").read_text(
    "utf-8"
)
BLOCKS = dict(re.findall(r'```\w+ title="(.+?)"\n(.+?)```', PAGE, re.DOTALL))
TABLE = re.search(r"(\| reviewer_id .+?)\n\n", PAGE, re.DOTALL)


def cells(line):
    return tuple(cell.strip() or "None" for cell in line.strip()[1:-1].split("|"))


@pytest.mark.parametrize("place", ["beside", "dataset", "settings"])
def test_the_example_of_the_page_gives_its_rows(spark, landing, lakehouse, tmp_path, place):
    dataset = Path(landing.location) / REVIEWS.folder
    folder = dataset / "2023-03"
    own = tmp_path / "own"
    for made in (folder, own):
        made.mkdir(parents=True)
    (folder / "reviews.csv").write_bytes(BLOCKS["reviews.csv"].encode("windows-1252"))
    profile = {"beside": folder, "dataset": dataset, "settings": own}[place] / "profile.yaml"
    profile.write_text(BLOCKS["profile.yaml"], encoding="utf-8")

    ingest(landing, lakehouse, REVIEWS, "2023-03", Intake(own))
    ((_, counts),) = build_silver(spark, lakehouse, REVIEWS, ["2023-03"], BATCH_ROWS)

    head, _, *expected = map(cells, TABLE[1].splitlines())
    actual = rows(lakehouse, "silver/reviews", *head)
    assert (counts.kept, counts.rejected.total()) == (len(expected), 0)
    assert [tuple(map(str, row)) for row in actual] == sorted(expected, key=repr)
    others = rows(lakehouse, "silver/reviews", "marketplace", "profile", "rescued")
    assert {*others} == {("kitchen.example", "kitchen_shop", None)}
    bronze = rows(lakehouse, "bronze/reviews", "charset", "delimiter", "line")
    assert bronze == [("windows-1252", ";", line) for line in (2, 4, 5)]


def test_a_profile_of_another_dataset_is_an_error(landing, lakehouse):
    folder = Path(landing.location) / REVIEWS.folder / "p"
    folder.mkdir(parents=True)
    (folder / "reviews.csv").write_text("sku,name\nB1,Can\n")
    (folder / "profile.yml").write_text("profile: p\ndataset: products\nfields: {asin: sku}\n")

    with pytest.raises(
        ProfileError, match=r"p/profile\.yml is for products, but its folder is for"
    ):
        ingest(landing, lakehouse, REVIEWS, "p")
    inspected = CliRunner().invoke(main, ["inspect", str(folder / "reviews.csv")])

    assert inspected.exit_code == 1
    assert "is for products, but its folder is for reviews" in inspected.stdout
