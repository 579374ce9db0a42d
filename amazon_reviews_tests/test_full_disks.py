"""Full and read-only file systems in each place that a setting names, with the real commands.

After room is made, the same command gives the tables of an undisturbed project.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from amazon_reviews_tests.dagster.project import LAYERS, TITLES, Project, environment
from amazon_reviews_tests.file_server import file_server
from amazon_reviews_tests.helpers import content

pytestmark = pytest.mark.long

SAMPLE = (
    "--reviews 20000 --products 300 --users 300 --partitions 3 --events 5 --titles 60 "
    "--title-ratings 300 --seed 11"
).split()
MIB = 1 << 20
TITLES_UPSTREAM = f"+({TITLES})"
_RAW = re.compile(r'Traceback|\{"ts"|os error|sqlalchemy|QueryExecution|^\s+at |stacktrace')


def command(root, *arguments, **variables):
    """Run the console script as a process on the project in `root`."""
    return subprocess.run(
        [sys.executable, "-m", "amazon_reviews.cli", *arguments],
        env=os.environ | environment(root) | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@contextmanager
def small_disk(folder, size):
    """Mount an empty file system of `size` bytes; skip where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder, left):
    """Leave only `left` bytes of a file system free."""
    filler = folder / ".filler"
    free = shutil.disk_usage(folder).free
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - left)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder):
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    """The landing zone of a sample."""
    root = tmp_path_factory.mktemp("sampled")
    assert command(root, "sample", *SAMPLE).returncode == 0
    return root / "landing"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, landing):
    """A function that returns the content of a project that was never disturbed."""
    done = {}

    def contents(select):
        if select not in done:
            root = tmp_path_factory.mktemp("undisturbed")
            shutil.copytree(landing, root / "landing")
            result = command(root, "run", "--select", select)
            assert result.returncode == 0, result.stderr
            done[select] = tables(root)
        return done[select]

    return contents


def tables(root):
    """Return the rows of the tables for people, those that exist."""
    project = Project(root)
    keys = ("gold/reviews", "gold/products", "silver/rejected", "gold/titles", "gold/title_actors")
    return {
        key: content(project.lakehouse, key, ("rejected_at", "first_seen"))
        for key in keys
        if project.lakehouse.exists(key)
    }


def check_lines(result, setting, folder, what):
    """Check that a command failed with lines that each name the setting, and nothing raw."""
    assert result.returncode == 1, result.stdout + result.stderr
    output = result.stdout + result.stderr
    assert not _RAW.search(output), output
    lines = [line for line in output.splitlines() if setting in line]
    assert lines, output
    for line in lines:
        assert re.search(rf"{setting}: {re.escape(str(folder))}\S* {what}.*free", line), line
    problems = [line for line in output.splitlines() if re.match(r"failed |Error: ", line)]
    assert len(problems) <= 4, output


PLACES = {
    "AMAZON_REVIEWS_LAKEHOUSE": ("lakehouse", LAYERS, 2 * MIB),
    "AMAZON_REVIEWS_WAREHOUSE": ("warehouse", LAYERS, 2 * MIB),
    "AMAZON_REVIEWS_REPORT": ("report", TITLES_UPSTREAM, 4_096),
    "AMAZON_REVIEWS_MODELS": ("models", "+key:model/title_ratings", MIB // 2),
    # A run starts only where all of its events have room.
    "DAGSTER_HOME": ("dagster", LAYERS, 6 * MIB),
}
VARIABLES = {
    "AMAZON_REVIEWS_WAREHOUSE": "duckdb:///{}/warehouse.duckdb",
    "AMAZON_REVIEWS_REPORT": "{}/report.html",
}


@pytest.mark.fault("full or read-only disk")
@pytest.mark.parametrize("setting", PLACES)
def test_run_on_a_full_disk_names_it_and_goes_on_when_there_is_room(
    tmp_path, landing, undisturbed, setting
):
    name, select, left = PLACES[setting]
    shutil.copytree(landing, tmp_path / "landing")
    with small_disk(tmp_path / name, 200 * MIB) as folder:
        variables = {setting: VARIABLES.get(setting, "{}").format(folder)}

        def run():
            return command(tmp_path, "run", "--select", select, **variables)

        for room in (left, 0):
            with filled(folder, room):
                full = run()
            check_lines(full, setting, folder, "(is too full|has )")
        with read_only(folder):
            locked = run()
        check_lines(locked, setting, folder, "is read-only")

        assert not [path for path in folder.rglob("*") if path.name.endswith(".tmp")]
        last = run()
        assert last.returncode == 0, last.stderr
        assert tables(tmp_path) == undisturbed(select)
        assert run().stdout == "nothing new\n"


@pytest.mark.fault("full or read-only disk")
def test_run_names_a_full_folder_of_temporary_files(tmp_path, landing, undisturbed):
    shutil.copytree(landing, tmp_path / "landing")
    select = PLACES["AMAZON_REVIEWS_MODELS"][1]
    with small_disk(tmp_path / "tmp", MIB) as folder:

        def run():
            return command(tmp_path, "run", "--select", select, TMPDIR=str(folder))

        # As many bytes as Python writes to find out if a folder can be used.
        with filled(folder, 4_096):
            check_lines(run(), "TMPDIR", folder, "(is too full|has )")
        # It takes another folder.
        with filled(folder, 0):
            last = run()

        assert last.returncode == 0, last.stderr
        assert not [path for path in folder.iterdir() if path.name != ".filler"]
        assert tables(tmp_path) == undisturbed(select)
        assert run().stdout == "nothing new\n"


@pytest.mark.fault("full or read-only disk")
def test_sample_and_fetch_on_a_full_disk_name_it(tmp_path, landing):
    with small_disk(tmp_path / "landing", 12 * MIB) as folder, file_server() as server:
        server.files["/a.jsonl.gz"] = next(
            (landing / "amazon_reviews" / "partition_1").iterdir()
        ).read_bytes()
        fetching = ["fetch", "amazon-2023", "All_Beauty", "--url", f"{server.url}/a.jsonl.gz"]
        for arguments in (["sample", *SAMPLE], fetching):
            with filled(folder, 40_000):
                check_lines(command(tmp_path, *arguments), "AMAZON_REVIEWS_LANDING", folder, "has ")
            with filled(folder, 0):
                full = command(tmp_path, *arguments)
            check_lines(full, "AMAZON_REVIEWS_LANDING", folder, "(is too full|has )")
            with read_only(folder):
                locked = command(tmp_path, *arguments)
            check_lines(locked, "AMAZON_REVIEWS_LANDING", folder, "is read-only")
            # A download that began stays in hidden files, to go on from there.
            assert not [p for p in folder.rglob("*") if p.is_file() and p.name[0] != "."]
