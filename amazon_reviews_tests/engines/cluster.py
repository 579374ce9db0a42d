"""A standalone Spark cluster on this machine, from the installed package of pyspark."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

import pyspark

from amazon_reviews.config import project_root
from amazon_reviews.resources.spark.jvm import fetched_jars
from amazon_reviews_tests.ports import free_port, wait_for_port

BIN = Path(pyspark.__file__).parent / "bin"
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
_DEPLOY = "org.apache.spark.deploy"
_EXECUTOR = b"CoarseGrainedExecutorBackend"
_START_SECONDS = 180


class Cluster:
    """A master, workers of one core each with one executor, and a Connect server at `address`."""

    def __init__(self, address: str, workers: Sequence[subprocess.Popen[bytes]]) -> None:
        self.address = address
        self._workers = [*workers]

    def driver(self) -> int:
        """Return the process id of the Connect server."""
        pids = _children(os.getpid())
        return next(pid for pid in pids if SERVER.encode() in _command(pid))

    def executors(self) -> list[int]:
        """Return the process ids of the executors."""
        pids = [pid for worker in self._workers for pid in _children(worker.pid)]
        return [pid for pid in pids if _EXECUTOR in _command(pid)]

    def kill_executor(self) -> None:
        """Kill one executor; its worker starts another one."""
        os.kill(self.executors()[0], signal.SIGKILL)

    def kill_worker(self) -> None:
        """Kill one worker for good; its executor ends with it."""
        worker = self._workers.pop()
        worker.kill()
        worker.wait()


@contextmanager
def running_cluster(
    folder: Path,
    workers: int = 2,
    memory: str = "1g",
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Cluster]:
    """Start a cluster with its files in a folder; all its processes end with the context.

    `memory` is that of each executor. The Connect server has further `settings`.
    """
    with ExitStack() as stack:

        def start(*command: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(running([str(BIN / command[0]), *command[1:]], folder))

        port = free_port()
        at = ("--host", "127.0.0.1", "--webui-port", "0")
        master = start("spark-class", f"{_DEPLOY}.master.Master", *at, "--port", str(port))
        wait_for_port(port, master)
        place = f"spark://127.0.0.1:{port}"
        resources = ("--cores", "1", "--memory", memory, "--work-dir", str(folder))
        started = [
            start("spark-class", f"{_DEPLOY}.worker.Worker", *at, *resources, place)
            for _ in range(workers)
        ]
        of_cluster = {"spark.master": place, "spark.executor.memory": memory}
        address = stack.enter_context(running_server(folder, {**of_cluster, **settings}))
        cluster = Cluster(address, started)
        end = time.monotonic() + _START_SECONDS
        while len(cluster.executors()) < workers:
            assert time.monotonic() < end, "the executors did not start"
            time.sleep(0.2)
        yield cluster


@contextmanager
def running_server(folder: Path, settings: dict[str, str]) -> Iterator[str]:
    """Start a Spark Connect server with these settings beside those of the file; return where."""
    port = free_port()
    settings = {
        "spark.jars": ",".join(map(str, fetched_jars())),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.ui.enabled": "false",
        **settings,
    }
    options = [part for pair in settings.items() for part in ("--conf", "=".join(pair))]
    file = project_root() / "deploy" / "spark-connect.conf"
    command = [str(BIN / "spark-submit"), "--properties-file", str(file), *options]
    command += ["--class", SERVER, "spark-internal"]
    with running(command, folder) as server:
        wait_for_port(port, server)
        yield f"sc://127.0.0.1:{port}"


@contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process of Spark in a folder; it ends with the context."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
