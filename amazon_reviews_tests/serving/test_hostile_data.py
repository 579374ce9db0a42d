"""Hostile texts in every column, id and name of every dataset, and every output of a project."""

import csv
import json
import os
import re
import subprocess
import sys
import unicodedata
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest
from markdown_it import MarkdownIt
from starlette.testclient import TestClient

from amazon_reviews import config
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.serving.api.app import create_app
from amazon_reviews.serving.dashboard.components import csv_bytes
from amazon_reviews.transforms.titles import FIELDS as TITLE_FIELDS
from amazon_reviews_tests.dagster.project import environment
from amazon_reviews_tests.helpers import product, review
from amazon_reviews_tests.serving.served import open_tab, served_dagster, served_dashboard
from amazon_reviews_tests.serving.test_pages import TABS, settle, visit

pytestmark = pytest.mark.long

# As many reviews as the sentiment model needs.
USERS, PRODUCTS, TITLES = 80, 6, 12


@pytest.fixture(scope="module")
def beacon():
    """The address of a server, and the paths that were requested from it."""
    requested = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requested.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requested
        server.shutdown()


def hostile_texts(url):
    """Return texts that something obeys: a terminal, Markdown, HTML or a spreadsheet."""
    return [
        f"![x]({url}/a.png) toys",
        "[/b][red]\x1b[31m\x1b]0;t\x07 \u202egames\x00 \x9b",
        f"[link={url}/b]lamps[/link] :bug:",
        f"`| ![x]({url}/c.png) cans",
        f"\\| ![x]({url}/d.png) | pots",
        f"<{url}/e> www.x.example kites",
        f"<img src={url}/f.png onerror=fetch('{url}/g')> balls",
        f"<script>fetch('{url}/h')</script> cups",
        f'=HYPERLINK("{url}/i") pens',
        "\t=1+1 +1-1 *a* _b_ ~~c~~ $d$ :red[e] hats",
        f"\n\uff1d1\u2066 # f\n![x]({url}/j.png) rings",
        f"@SUM(1) -1 [x]({url}/k) boats",
    ]


def lay_out(landing, url):
    """Write files of all datasets, in which every text, id and name is hostile."""
    texts = hostile_texts(url)
    ids = [f"[/b]![x]({url}/{number}.png)" for number in range(max(USERS, PRODUCTS, TITLES))]
    reviews = [
        review(
            reviewerID=f"U{user}{ids[user]}",
            asin=f"B{item}{ids[item]}",
            overall=1 + (user + item) % 5,
            reviewText=f"{texts[(user + item) % len(texts)]} this one works number {user} {item}",
            summary=texts[(user * item) % len(texts)],
            reviewerName=texts[user % len(texts)],
            style={f"Colour {texts[user % len(texts)]}:": texts[item]},
            unixReviewTime=1_300_000_000 + 1_000_000 * user + item,
            **{f"new {texts[user % len(texts)]}": texts[item]},
        )
        for user in range(USERS)
        for item in range(PRODUCTS)
        if (user + item) % 3
    ]
    reviews += [review(reviewerID=text, asin=text) for text in texts]
    products = [
        product(
            asin=f"B{item}{ids[item]}",
            title=texts[item],
            brand=texts[-1 - item],
            main_cat=texts[item],
            category=[texts[item], texts[-1 - item]],
            description=[*texts],
            feature=[*texts],
            also_buy=[*texts],
            rank=f"{item + 1} in {texts[item]} (",
            **{f"new {texts[item]}": texts[item]},
        )
        for item in range(PRODUCTS)
    ] + [product(asin=text) for text in texts]
    folder = landing / "amazon_reviews" / "toys [red]\x1b[31m\u202e ![x](a.png)"
    folder.mkdir(parents=True)
    (folder / "[red]\x1b[2J\u202e.json").write_text("\n".join(map(json.dumps, reviews)))
    (folder / "not read [red]\x1b[2J\u202e ![x](b.png).exe").write_text("x")
    folder = landing / "amazon_metadata" / "partition_1"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text("\n".join(map(json.dumps, products)))
    titles = [
        [f"s{n}{ids[n]}", "Movie", *texts[n : n + 1] * 4, "March 3, 2021", 2014, "PG", "90 min"]
        + texts[n : n + 1] * 2
        for n in range(TITLES)
    ]
    titles += [[text, "Movie", text, *[""] * 9] for text in texts]
    write(landing / "titles" / "hulu_titles.csv", TITLE_FIELDS, titles)
    ratings = [
        [f"u{user}{ids[user]}", 0.5 + (user + n) % 9 / 2, 1_300_000_000 + n, f"hs{n}{ids[n]}"]
        for user in range(USERS)
        for n in range(TITLES)
    ]
    ratings += [[text, 4, 5, text] for text in texts]
    write(
        landing / "title_ratings" / "1.csv", ("userId", "rating", "timestamp", "movieId"), ratings
    )


def write(path, header, rows):
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture(scope="module")
def project(tmp_path_factory, empty_store, beacon):
    """The settings of a project on hostile data, and what `run` printed."""
    root = tmp_path_factory.mktemp("hostile")
    lay_out(root / "landing", beacon[0])
    empty_store(root / "models")
    settings = environment(root)
    return settings, command(settings, "run")


def command(settings, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "amazon_reviews.cli", *arguments],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert controls_in(printed.replace("\n", "")) == set()
    return printed


def controls_in(text):
    """Return the control, formatting and bidirectional characters of a text."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}


def test_run_shows_texts_as_text(project):
    assert "[/b][red] [31m" in project[1]
    assert "not read [red]\\x1b[2J\\u202e ![x](b.png).exe" in project[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--plan"),
        ("run", "--json"),
        ("rejected", "list"),
        ("rejected", "list", "--json"),
        ("reconcile",),
        ("reconcile", "--json"),
        ("doctor",),
        ("recommend", "USER"),
        ("recommend", "USER", "--json"),
        ("similar", "ASIN"),
        ("similar", "ASIN", "--json"),
        ("sentiment", "predict", "toys \x1b[31m are good \u202e [red]"),
        ("inspect", "FILE"),
        ("inspect", "FILE", "--json"),
    ],
)
def test_commands_print_no_control_characters(project, beacon, arguments):
    settings, _ = project
    (file,) = Path(settings[config.LANDING]).glob("amazon_reviews/*/*.json")
    values = {"USER": f"U3[/b]![x]({beacon[0]}/3.png)", "FILE": str(file)}
    values["ASIN"] = f"B2[/b]![x]({beacon[0]}/2.png)"

    assert command(settings, *(values.get(argument, argument) for argument in arguments))


def test_silver_has_no_control_characters_and_no_id_with_one(project):
    lakehouse = Lakehouse(project[0][config.LAKEHOUSE])
    for key in TABLES:
        if key.startswith(("silver/", "gold/")) and lakehouse.exists(key):
            rows = lakehouse.delta(key).to_pyarrow_table()
            # Names of files are those of the landing zone, raw lines those of bronze.
            kept = [n for n in rows.column_names if n not in ("file", "raw")]
            text = repr(rows.select(kept).to_pylist())
            assert not re.search(r"\\x[0189]|\\u202|\\u206[6-9]|\\[nrt]", text), key
    rejected = lakehouse.delta("silver/rejected").to_pyarrow_table().to_pylist()
    reasons = {(row["table"], row["reason"], row["detail"].split(" in ")[0]) for row in rejected}
    assert reasons == {
        ("reviews", "wrong_type", "reviewerID: U+001B"),
        ("reviews", "wrong_type", "reviewerID: U+0009"),
        ("reviews", "wrong_type", "reviewerID: U+000A"),
        ("products", "wrong_type", "asin: U+001B"),
        ("products", "wrong_type", "asin: U+0009"),
        ("products", "wrong_type", "asin: U+000A"),
        ("titles", "wrong_type", "show_id: U+001B"),
        ("title_ratings", "wrong_type", "userId: U+001B"),
        ("titles", "wrong_type", "show_id: U+2066"),
        ("title_ratings", "wrong_type", "userId: U+2066"),
    }


def test_metadata_of_dagster_is_inert(project, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", project[0]["DAGSTER_HOME"])
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    checked = 0
    with dg.DagsterInstance.get() as instance:
        for key in instance.get_asset_keys():
            event = instance.get_latest_materialization_event(key)
            entries = event.asset_materialization.metadata if event else {}
            for name, value in entries.items():
                if not isinstance(value, dg.MarkdownMetadataValue):
                    continue
                if value.md_str.startswith("![](data:image/png;base64,"):
                    continue
                checked += 1
                assert controls_in(value.md_str.replace("\n", "")) == set(), (key, name)
                tokens = parser.parse(value.md_str)
                inline = [child for token in tokens for child in token.children or ()]
                assert {token.type for token in inline} <= {"text", "code_inline"}, (key, name)
                shown = " ".join(token.content for token in inline if token.type == "text")
                assert not re.search(r"://|www\.", shown), (key, name)
    assert checked > 40


def test_csv_files_have_no_formulas_and_no_control_characters(project, tmp_path, beacon):
    source, out = tmp_path / "texts.csv", tmp_path / "out.csv"
    texts = hostile_texts(beacon[0])
    write_texts = [["text", "=note"], *([text, text] for text in texts)]
    with source.open("w", newline="") as file:
        csv.writer(file).writerows(write_texts)

    command(project[0], "sentiment", "predict", "--csv", str(source), "--out", str(out))
    lakehouse = Lakehouse(project[0][config.LAKEHOUSE])
    gold = lakehouse.delta("gold/titles").to_pyarrow_table()
    for content in (out.read_bytes(), csv_bytes(gold)):
        text = content.decode()
        assert not controls_in(text) - set("\t\r\n")
        cells = [cell for row in csv.reader(text.splitlines(keepends=True)) for cell in row]
        assert [c for c in cells if re.match(r"\s*[=+@\uff1d-]|[\t\r\n]", c)] == []
        assert any(cell.startswith("'=HYPERLINK") for cell in map(str.upper, cells))


def test_the_api_escapes_control_characters(project, monkeypatch):
    for name, value in project[0].items():
        monkeypatch.setenv(name, value)
    with TestClient(create_app()) as client:
        for path in ("/titles", "/products", "/openapi.json"):
            reply = client.get(path)
            assert reply.headers["content-type"].startswith("application/json")
            assert not {c for c in reply.text if unicodedata.category(c) == "Cc"}


def test_report_and_dashboard_request_nothing(project, beacon, browser):
    settings, _ = project
    page = browser.new_page()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto(Path(settings["AMAZON_REVIEWS_REPORT"]).as_uri())
    page.wait_for_selector("body[data-drawn]")
    assert page.locator("img[src*='127.0.0.1'], a[href*='127.0.0.1']").count() == 0
    assert (
        controls_in(page.locator("body").inner_text().replace("\n", "").replace("\t", "")) == set()
    )
    page.close()
    with served_dashboard(settings) as address, open_tab(browser, address) as tab:
        tab.on("dialog", lambda dialog: pytest.fail(dialog.message))
        for path, names in TABS.items():
            for name in names:
                visit(tab, f"/{path}?{path}_tab={name.replace(' ', '+').replace('&', '%26')}")
                main = tab.locator("[data-testid=stMain]")
                assert main.locator("img[src*='127.0.0.1'], a[href*='.png']").count() == 0
                assert not controls_in(main.inner_text()) - set("\n\t"), (path, name)
        settle(tab)
    assert beacon[1] == []


def test_the_dagster_ui_requests_nothing(project, beacon, browser):
    with served_dagster(project[0]) as address:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        for key in ("silver/titles", "gold/products"):
            page.goto(f"{address}/assets/{key}?view=overview")
            button = page.get_by_text("Show Markdown").first
            button.click()
            table = page.locator("table", has=page.locator("code")).last
            table.wait_for()
            assert table.locator("img, a, em, strong, del").count() == 0
        page.goto(f"{address}/assets/bronze/reviews?view=checks")
        page.get_by_text("unknown extension").wait_for()
        assert page.locator("img[src='a.png'], img[src='b.png']").count() == 0
        page.close()
    assert beacon[1] == []
