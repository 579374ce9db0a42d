"""The temporary files of the embedded engine: logged, and removed."""

import os
import re
import signal
import subprocess
import sys

import pytest

from amazon_reviews.resources.spark import spill

PROGRAM = """
import os, signal, sys
from amazon_reviews.resources.spark.spill import spill_folder

print(spill_folder(256 << 20), flush=True)
if sys.argv[1] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(folder, act):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, act],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
    )
    return done, done.stdout.strip()


def test_the_use_of_the_disk_is_logged_when_it_doubles(tmp_path, monkeypatch, caplog):
    folder = tmp_path / "folder"
    folder.mkdir()
    rows = folder / "rows"
    sizes = iter((3, 0, 4, 0, 7, 0))
    used_bytes = spill._used_bytes

    def next_look(folder):
        rows.unlink(missing_ok=True)
        size = next(sizes, None)
        if size is None:
            folder.rmdir()
        elif size:
            rows.write_bytes(bytes(size << 20))
        return used_bytes(folder)

    monkeypatch.setattr(spill, "_used_bytes", next_look)
    monkeypatch.setattr(spill, "_LOOK_SECONDS", 0)
    spill._watch(folder, 256 << 20)

    assert [record.getMessage() for record in caplog.records] == [
        "a query needed more than its 256 MiB of memory, and used up to "
        f"{size} MiB of the disk in {tmp_path}"
        for size in (3, 7)
    ]


QUERY = """
import logging
from threading import Event
from pyspark.sql import Window
from pyspark.sql import functions as F
from amazon_reviews.resources.spark import spill
from amazon_reviews.resources.spark.engine import start_session

seen = Event()
handler = logging.StreamHandler()
handler.addFilter(lambda record: seen.set() or True)
logging.basicConfig(handlers=[handler])
spill._LOOK_SECONDS = 0.02
session = start_session("sail", 192 << 20)
rows = session.range(2_000_000).select(F.sha2(F.col("id").cast("string"), 256).alias("key"))
places = rows.select("key", F.row_number().over(Window.orderBy("key")).alias("place"))
print(places.agg(F.max("place")).collect()[0][0])
seen.wait(60)
"""


@pytest.mark.long
def test_a_query_of_the_engine_uses_the_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", QUERY],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "2000000\n", done.stderr
    first = done.stderr.splitlines()[0]
    used = re.search(r"more than its 192 MiB of memory, and used up to (\d+) MiB", first)
    assert used
    assert int(used[1]) > 20
    assert not os.listdir(tmp_path)


def test_the_files_of_a_killed_process_are_removed_by_the_next_one(tmp_path):
    killed, folder = run(tmp_path, "die")
    assert killed.returncode == -signal.SIGKILL
    assert os.path.exists(folder)

    done, _ = run(tmp_path, "nothing")

    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert not os.listdir(tmp_path)


def test_the_files_of_a_living_process_stay(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM + "\nsys.stdin.read()", "nothing"],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as living:
        folder = living.stdout.readline().strip()
        run(tmp_path, "nothing")
        assert os.path.exists(folder)
        living.stdin.close()
    assert not os.path.exists(folder)
