"""PostgreSQL on loopback, from the programs that Debian's package brings."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amazon_reviews_tests.ports import free_port

_PASSWORD = "only-for-this-test"
_START_SECONDS = 30
_NAMES = ("initdb", "postgres", "pg_isready")


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, None where there are none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders += [Path(found).parent for found in [shutil.which("initdb")] if found]
    return next((each for each in folders if all((each / name).exists() for name in _NAMES)), None)


@contextmanager
def running_postgres() -> Iterator[str]:
    """A new cluster of its own; gives the URL of its database."""
    there = programs()
    assert there
    port = free_port()
    # Not below pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        secret = Path(folder) / "password"
        secret.write_text(_PASSWORD)
        owner = _unprivileged(folder)
        initdb = [
            there / "initdb",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--username=dagster",
        ]
        subprocess.run([*owner, *initdb, "--no-sync", data], check=True, stdout=subprocess.DEVNULL)
        command = [there / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        with (Path(folder) / "log").open("w") as log:
            server = subprocess.Popen([*owner, *command, "-c", "fsync=off"], stderr=log)
            try:
                _wait(there, port, server)
                yield f"postgresql://dagster:{_PASSWORD}@127.0.0.1:{port}/postgres"
            finally:
                server.terminate()
                server.wait()


def _unprivileged(folder: str) -> list[str]:
    """The prefix of commands that root must not run itself; they may then write to `folder`."""
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    for path in (Path(folder), *Path(folder).iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return ["runuser", "--user", "postgres", "--"]


def _wait(there: Path, port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START_SECONDS
    ready = [there / "pg_isready", "--quiet", "--host=127.0.0.1", f"--port={port}"]
    while subprocess.run(ready, check=False).returncode:
        assert server.poll() is None, "PostgreSQL ended"
        assert time.monotonic() < end, "PostgreSQL does not answer"
        time.sleep(0.05)
