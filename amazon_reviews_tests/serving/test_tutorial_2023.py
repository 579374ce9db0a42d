"""Following `docs/tutorial/amazon-2023.md` with generated reviews, from a server on loopback."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.file_server import file_server
from amazon_reviews_tests.serving.served import open_tab, served_dashboard
from amazon_reviews_tests.serving.test_pages import FAILURES, figure, settle, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "amazon-2023.md"
BLOCK = re.compile(r"^```(\w*)\n(.+?)^```", re.DOTALL | re.MULTILINE)
COMMAND = ".venv/bin/amazon-reviews "
SAMPLE = SampleOptions(
    profile="amazon_2023", reviews=100_000, partitions=1, events=0, titles=0, title_ratings=0
)
PUBLISHED = {
    "/review_categories/All_Beauty.jsonl.gz": "amazon_reviews",
    "/meta_categories/meta_All_Beauty.jsonl.gz": "amazon_metadata",
}


def blocks(language: str) -> list[str]:
    """Return the code blocks of the page in a language."""
    return [code for name, code in BLOCK.findall(PAGE.read_text("utf-8")) if name == language]


class Followed:
    """The project after the commands of the page.

    Attributes:
        home: the home folder of the user.
        truth: the expected counts.
        printed: what each command printed, by its words.
    """

    def __init__(self, home: Path, truth: dict[str, Any]) -> None:
        self.home = home
        self.truth = truth
        self.printed: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the page."""
        return environment(self.home / "reviews_2023")

    def run(self, exports: str, arguments: str) -> None:
        """Run a command of the console script in a shell, with the exports of the page."""
        command = f"{exports}\n{sys.executable} -m amazon_reviews.cli {arguments}"
        done = subprocess.run(
            ["bash", "-euc", command],
            env=os.environ | {"HOME": str(self.home), "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        self.printed[arguments.split()[0]] = done.stdout

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a query of the warehouse."""
        with duckdb.connect(str(self.home / "reviews_2023/warehouse.duckdb"), read_only=True) as db:
            return db.execute(sql).fetchall()


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    home = tmp_path_factory.mktemp("home")
    truth = generate(SAMPLE, home / "sample")
    exports, *commands = blocks("")
    project = Followed(home, truth)
    with file_server() as server:
        for path, dataset in PUBLISHED.items():
            files = sorted((home / "sample" / dataset).rglob("*.gz"))
            server.files[path] = b"".join(file.read_bytes() for file in files)
        for command in commands:
            arguments = command.removeprefix(COMMAND).strip()
            if arguments.startswith("fetch"):
                arguments += f" --url {server.url}"
            if arguments != "app":
                project.run(exports, arguments)
    return project


def test_the_commands_of_the_page_are_those_that_the_test_runs(followed: Followed) -> None:
    assert [command.split()[1] for command in blocks("")[1:]] == [*followed.printed, "app"]
    paths = followed.printed["fetch"].splitlines()
    assert [Path(path).name for path in paths] == [
        "All_Beauty.jsonl.gz",
        "meta_All_Beauty.jsonl.gz",
    ]


def test_the_warehouse_has_the_expected_reviews_and_products(followed: Followed) -> None:
    truth = followed.truth
    (reviews,) = truth["reviews"].values()

    assert followed.query("SELECT count(*), any_value(profile) FROM gold.reviews") == [
        (truth["gold"]["reviews"], "amazon_2023")
    ]
    assert followed.query("SELECT count(*) FROM gold.products") == [(truth["gold"]["products"],)]
    silver = "layer = 'silver' AND \"table\" = 'reviews'"
    counts = f"SELECT lines, duplicates, rejected FROM gold.pipeline_reconciliation WHERE {silver}"
    rejected = sum(reviews["rejected"].values())
    assert followed.query(counts) == [(reviews["lines"], reviews["duplicates_within"], rejected)]


def test_the_queries_of_the_page_return_rows(followed: Followed) -> None:
    origins, variants, coverage = map(followed.query, blocks("sql"))

    assert [row[:2] for row in origins] == [("amazon_2023", followed.truth["gold"]["reviews"])]
    assert len(variants) == len(coverage) == 10
    assert all(0 < share <= 1 for *_, share, _, _ in coverage)


def test_every_review_of_a_variant_has_the_product_of_its_family(followed: Followed) -> None:
    sums = "SELECT count(*), count(title), count(*) FILTER (asin <> parent_asin)"
    ((reviews, described, variants),) = followed.query(
        f"{sums} FROM gold.reviews WHERE parent_asin IN (SELECT asin FROM gold.products)"
    )

    assert reviews == described
    assert variants > reviews / 10
    ((held,),) = followed.query("SELECT sum(reviews) FROM gold.product_coverage")
    assert held == reviews


def test_the_dashboard_shows_the_reviews(followed: Followed, browser: "Browser") -> None:
    ((variant, product),) = followed.query(
        "SELECT asin, product_asin FROM gold.product_variants ORDER BY reviews DESC, asin LIMIT 1"
    )
    with served_dashboard(followed.environment) as address, open_tab(browser, address) as tab:
        visit(tab, "/ratings?ratings_tab=Origin")
        assert tab.get_by_text("No review has a language").is_visible()
        visit(tab, "/brands?brands_tab=Completeness")
        tab.locator("[class*=st-key-chart-product_coverage] :is(canvas, svg.marks)").wait_for()
        assert figure(tab, "Products").rstrip("k") == f"{SAMPLE.products / 1000:.3g}"
        visit(tab, "/product")
        search = tab.get_by_role("textbox", name="Search products")
        search.fill(variant)
        search.press("Enter")
        tab.get_by_text(f"· {product}").first.wait_for()
        settle(tab)
        tab.locator("[class*=st-key-table-variants] canvas").first.wait_for()
        assert tab.locator(FAILURES).count() == 0
