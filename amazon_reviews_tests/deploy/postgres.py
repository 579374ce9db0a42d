"""PostgreSQL on loopback, with the programs of Debian's package."""

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
    """Return the folder of PostgreSQL's programs, or None if they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if initdb := shutil.which("initdb"):
        folders.append(Path(initdb).parent)
    return next((path for path in folders if all((path / name).exists() for name in _NAMES)), None)


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a new cluster, and yield the URL of its database."""
    bin_folder = programs()
    assert bin_folder
    port = free_port()
    # Not below pytest's folder, since only its owner may enter that.
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        secret = Path(folder) / "password"
        secret.write_text(_PASSWORD)
        owner = _unprivileged(folder)
        initdb: list[str | Path] = [
            bin_folder / "initdb",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--username=dagster",
        ]
        subprocess.run([*owner, *initdb, "--no-sync", data], check=True, stdout=subprocess.DEVNULL)
        command: list[str | Path] = [
            bin_folder / "postgres",
            "-D",
            data,
            "-h",
            "127.0.0.1",
            "-k",
            folder,
        ]
        command += ["-p", str(port), "-c", "fsync=off"]
        with (Path(folder) / "log").open("w") as log:
            server = subprocess.Popen([*owner, *command], stderr=log)
            try:
                _wait(bin_folder, port, server)
                yield f"postgresql://dagster:{_PASSWORD}@127.0.0.1:{port}/postgres"
            finally:
                server.terminate()
                server.wait()


def _unprivileged(folder: str) -> list[str]:
    """Return the prefix of commands that root must not run, and let them write to `folder`."""
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    for path in (Path(folder), *Path(folder).iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return ["runuser", "--user", "postgres", "--"]


def _wait(bin_folder: Path, port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START_SECONDS
    ready: list[str | Path] = [
        bin_folder / "pg_isready",
        "--quiet",
        "--host=127.0.0.1",
        f"--port={port}",
    ]
    while subprocess.run(ready, check=False).returncode:
        assert server.poll() is None, "PostgreSQL ended"
        assert time.monotonic() < end, "PostgreSQL does not respond"
        time.sleep(0.05)
