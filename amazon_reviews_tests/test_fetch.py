"""`amazon-reviews fetch amazon-2023`: where files go, what is printed, and kills."""

import gzip
import json
import random
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from rich.console import Console

from amazon_reviews.cli import main
from amazon_reviews.cli.common import transfer as module
from amazon_reviews.cli.common.transfer import transfer
from amazon_reviews.resources.amazon_2023 import BASE_URL, CATEGORIES, partition_of, reviews_of
from amazon_reviews.resources.landing.layout import FOLDERS
from amazon_reviews_tests.file_server import Reply, file_server

LINES = [
    json.dumps({"n": n, "text": random.Random(n).randbytes(40).hex()}).encode() + b"\n"
    for n in range(500)
]
REVIEWS = gzip.compress(b"".join(LINES))
PRODUCTS = gzip.compress(b'{"parent_asin": "B1"}\n')
PUBLISHED = {
    "/raw/review_categories/All_Beauty.jsonl.gz": REVIEWS,
    "/raw/meta_categories/meta_All_Beauty.jsonl.gz": PRODUCTS,
}
FOLDER = "amazon_reviews/partition_All_Beauty"
# More than the kernel buffers, so that most of it is in the part when the server has sent it.
BIG = gzip.compress(random.Random(1).randbytes(24 << 20), 0)
SENT = 20 << 20


@pytest.fixture(scope="module")
def shared_server():
    with file_server() as server:
        yield server


@pytest.fixture
def server(shared_server):
    shared_server.files = dict(PUBLISHED)
    shared_server.replies = []
    shared_server.requests.clear()
    shared_server.cut_reached.clear()
    return shared_server


@pytest.fixture
def fetch(tmp_path, server):
    """Run the command against the server with a landing zone in `tmp_path`."""

    def run(*arguments, **env):
        variables = {"AMAZON_REVIEWS_LANDING": str(tmp_path / "landing"), "NO_PROXY": "*"} | env
        if "--url" not in arguments:
            arguments = (*arguments, "--url", f"{server.url}/raw")
        return CliRunner().invoke(main, ["fetch", "amazon-2023", *arguments], env=variables)

    return run


def test_reviews_and_products_go_to_the_landing_partition_of_their_category(fetch, tmp_path):
    result = fetch("All_Beauty", "--meta")

    reviews = tmp_path / "landing" / FOLDER / "All_Beauty.jsonl.gz"
    products = tmp_path / "landing/amazon_metadata/partition_All_Beauty/meta_All_Beauty.jsonl.gz"
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{reviews}\n{products}\n"
    assert (reviews.read_bytes(), products.read_bytes()) == (REVIEWS, PRODUCTS)


def test_only_the_reviews_are_fetched_without_meta(fetch, server):
    assert fetch("All_Beauty").exit_code == 0
    assert [path for path, _ in server.requests] == ["/raw/review_categories/All_Beauty.jsonl.gz"]


def test_only_the_file_itself_has_a_name_that_a_landing_zone_reads(fetch, server, tmp_path):
    page = Reply(b"<html>", status=403)
    server.replies = [Reply(cut=100), page]
    for shown in ([], ["All_Beauty.jsonl.gz"]):
        fetch("All_Beauty")
        names = [path.name for path in (tmp_path / "landing" / FOLDER).iterdir()]
        assert [name for name in names if not name.startswith(".")] == shown
        assert len(names) == 2


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_has_a_partition_that_the_landing_zone_accepts(category):
    assert FOLDERS.partition_of(partition_of(category)) == partition_of(category)


def test_the_published_addresses_are_those_of_the_publisher():
    assert reviews_of("Books").urls() == [f"{BASE_URL}/review_categories/Books.jsonl.gz"]
    assert len(set(CATEGORIES)) == 34


def test_a_complete_file_is_named_as_such(fetch):
    first, second = fetch("All_Beauty"), fetch("All_Beauty")

    assert second.exit_code == 0
    assert second.stdout == first.stdout
    assert second.stderr == "All_Beauty.jsonl.gz is complete and current: not downloaded\n"


def test_rows_go_to_a_file_whose_name_shows_the_cut(fetch, tmp_path):
    result = fetch("All_Beauty", "--rows", "7")

    path = tmp_path / "landing" / FOLDER / "All_Beauty.first-7.jsonl.gz"
    assert (result.exit_code, result.stdout) == (0, f"{path}\n")
    assert gzip.decompress(path.read_bytes()) == b"".join(LINES[:7])


def test_a_second_file_with_the_same_lines_is_named(fetch):
    fetch("All_Beauty", "--rows", "7")
    result = fetch("All_Beauty")

    assert result.exit_code == 0
    assert "All_Beauty.first-7.jsonl.gz has lines of the same file" in result.stderr


@pytest.mark.parametrize(
    ("category", "similar"),
    [("all_beauty", "All_Beauty"), ("Toys and Game", "Toys_and_Games"), ("Bookz", "Books")],
)
def test_an_unknown_category_names_the_most_similar_ones(fetch, category, similar):
    result = fetch(category, "--url", BASE_URL)

    assert result.exit_code == 2
    assert f"is not a category of Amazon Reviews 2023; try {similar}" in result.stderr


def test_a_category_that_a_mirror_lacks_names_the_most_similar_ones(fetch, tmp_path):
    result = fetch("Video_Game")

    assert result.exit_code == 2
    assert "Video_Game.jsonl.gz answers with status 404" in result.stderr
    assert "try Video_Games" in result.stderr
    assert not list((tmp_path / "landing").glob("*/*"))


@pytest.mark.parametrize("category", ["../../x", ".x", "a/b", "", "a b"])
def test_a_category_cannot_leave_its_folder(fetch, server, category):
    assert fetch(category).exit_code == 2
    assert server.requests == []


def test_a_mirror_with_uncompressed_files_is_tried_too(fetch, server, tmp_path):
    server.files = {"/raw/review_categories/All_Beauty.jsonl": b"".join(LINES)}
    assert fetch("All_Beauty").exit_code == 0

    path = tmp_path / "landing" / FOLDER / "All_Beauty.jsonl.gz"
    assert gzip.decompress(path.read_bytes()) == b"".join(LINES)


def test_the_address_of_a_mirror_may_name_one_file_and_have_a_token(fetch, server, tmp_path):
    server.files = {
        "/copy.jsonl.gz?sig=1": REVIEWS,
        "/r/review_categories/B.jsonl.gz?sig=1": REVIEWS,
    }

    assert fetch("All_Beauty", "--url", f"{server.url}/copy.jsonl.gz?sig=1").exit_code == 0
    assert fetch("B", "--url", f"{server.url}/r/?sig=1").exit_code == 0
    result = fetch("All_Beauty", "--meta", "--url", f"{server.url}/copy.jsonl.gz?sig=1")
    assert (result.exit_code, "--meta" in result.stderr) == (2, True)


@pytest.mark.parametrize("url", ["file:///etc", "ftp://host/raw", "nothing"])
def test_an_address_of_another_scheme_is_wrong_use(fetch, url):
    result = fetch("All_Beauty", "--url", url)
    assert (result.exit_code, "not an address" in result.stderr) == (2, True)


def test_a_failed_download_ends_with_1(fetch, server):
    server.replies = [Reply(b"<html>", headers={"Content-Type": "text/html"})]
    result = fetch("All_Beauty")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: http://127.0.0.1")


def test_a_landing_zone_in_azure_is_wrong_use_with_advice(fetch, server):
    location = "abfss://landing@account.dfs.core.windows.net/raw"
    result = fetch("All_Beauty", AMAZON_REVIEWS_LANDING=location)

    assert result.exit_code == 2
    assert "not a local folder" in result.stderr
    assert "azcopy" in result.stderr
    assert server.requests == []


def test_a_landing_zone_that_cannot_be_written_is_wrong_use(fetch, tmp_path):
    (tmp_path / "landing").write_text("a file")
    result = fetch("All_Beauty")

    assert (result.exit_code, "AMAZON_REVIEWS_LANDING" in result.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_download_continues_with_the_next_call(fetch, server, tmp_path, number):
    server.files = {"/raw/review_categories/All_Beauty.jsonl.gz": BIG}
    server.replies = [Reply(cut=SENT, holds=True)]
    command = ["fetch", "amazon-2023", "All_Beauty", "--url", f"{server.url}/raw"]
    process = subprocess.Popen(
        [sys.executable, "-m", "amazon_reviews.cli", *command],
        env={"AMAZON_REVIEWS_LANDING": str(tmp_path / "landing")},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.cut_reached.wait(60)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)

    expected = (
        (-9, "")
        if number == signal.SIGKILL
        else (
            128 + number,
            "interrupted; the next fetch continues from there\n",
        )
    )
    assert (process.returncode, stderr) == expected
    path = tmp_path / "landing" / FOLDER / "All_Beauty.jsonl.gz"
    assert not path.exists()

    result = fetch("All_Beauty")
    assert result.exit_code == 0, result.output
    assert path.read_bytes() == BIG
    _, (_, requested) = server.requests
    assert 0 < int(requested.removeprefix("bytes=").removesuffix("-")) <= SENT


def test_without_a_terminal_a_line_is_printed_now_and_then(capsys, monkeypatch):
    with transfer("file") as watcher:
        watcher.advance("download", 5, 10)
        monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", 0.0)
        watcher.advance("download", 1_000, 2_000)
        watcher.advance("check", 7, None)
        watcher.remark("broke \x1b[31m")

    printed = capsys.readouterr()
    lines = ["download file: 1,000 of 2,000", "check file: 7", "broke \\x1b[31m"]
    assert (printed.out, printed.err.splitlines()) == ("", lines)


def test_a_terminal_shows_a_bar(capsys, monkeypatch):
    def terminal(*, stderr):
        return Console(stderr=stderr, force_terminal=True, width=200)

    monkeypatch.setattr(module, "console", terminal)
    with transfer("file") as watcher:
        watcher.advance("download", 1_000, 2_000)

    printed = capsys.readouterr().err
    assert "download file" in printed
    assert "1,000 of 2,000" in printed
