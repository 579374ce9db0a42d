"""Pins of packages, images and actions, and the limits of the services of the compose file."""

import importlib.util
import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
DIGEST = f"sha256:{'ab' * 32}"


def versions(text):
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)==([^\s;\\]+)", text))


@pytest.mark.parametrize("lock", ["dev", "runtime", "audit"])
def test_lock_has_the_pinned_versions_with_hashes_and_no_address(lock):
    text = (ROOT / "locks" / f"{lock}.txt").read_text()
    pinned = versions((ROOT / "constraints.txt").read_text())

    packages = re.findall(r"(?m)^[a-z0-9._-]+==(?:.*\\\n)+(?:    .*\n)", text)
    assert len(packages) == len(re.findall(r"(?m)^\S", text)) > 20
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert {
        name: version for name, version in versions(text).items() if version != pinned.get(name)
    } == {name: version for name, version in versions(text).items() if name not in pinned}
    if lock != "audit":
        assert versions(text).keys() <= pinned.keys()


def test_image_and_make_install_from_the_locks():
    assert (
        "--require-hashes --requirement locks/runtime.txt"
        in (ROOT / "deploy" / "install.sh").read_text()
    )
    makefile = (ROOT / "Makefile").read_text()
    assert makefile.count("--require-hashes") == 3
    assert "LOCK := locks/dev.txt" in makefile


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_service_is_confined(service):
    settings = COMPOSE["services"][service]

    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\$\{[A-Z]+_MEMORY:-\d+g\}", settings["mem_limit"])
    assert not settings.keys() & {"privileged", "cap_add", "devices", "network_mode", "pid"}
    assert all(port.startswith("127.0.0.1:") for port in settings.get("ports", ()))


class Registry(BaseHTTPRequestHandler):
    """Gives a token, and the digest of an image to those who have it."""

    def do_GET(self):
        body = json.dumps({"token": "abc"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        is_known = (
            self.headers["Authorization"] == "Bearer abc" and "index" in self.headers["Accept"]
        )
        self.send_response(200 if is_known else 401)
        self.send_header("Docker-Content-Digest", DIGEST)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_pin_script_adds_digests_and_commits_beside_the_tags(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        done = subprocess.run(
            ["git", *identity, "-C", tmp_path / "actions" / "checkout", *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    (tmp_path / "actions" / "checkout").mkdir(parents=True)
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    git("tag", "--annotate", "v4", "--message", "v4")
    commit = git("rev-parse", "HEAD")
    root = tmp_path / "project"
    (root / ".github" / "workflows").mkdir(parents=True)
    (root / "deploy").mkdir()
    (root / "deploy" / "pin.py").write_text((ROOT / "deploy" / "pin.py").read_text())
    (root / "Dockerfile").write_text("FROM python:3.11-slim-bookworm AS base\nFROM base AS build\n")
    (root / "deploy" / "compose.yaml").write_text("    image: postgres:15-alpine\n")
    workflow = root / ".github" / "workflows" / "ci.yml"
    workflow.write_text(f"      - uses: actions/checkout@{'0' * 40} # v4\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("PIN_ACTIONS", str(tmp_path))
    monkeypatch.setenv("PIN_REGISTRY", address)
    monkeypatch.setenv("PIN_TOKENS", f"{address}/token")
    spec = importlib.util.spec_from_file_location("pin", root / "deploy" / "pin.py")
    pin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pin)

    try:
        for _ in range(2):
            pin.main()
            assert (root / "Dockerfile").read_text() == (
                f"FROM python:3.11-slim-bookworm@{DIGEST} AS base\nFROM base AS build\n"
            )
            compose = (root / "deploy" / "compose.yaml").read_text()
            assert compose == f"    image: postgres:15-alpine@{DIGEST}\n"
            assert workflow.read_text() == f"      - uses: actions/checkout@{commit} # v4\n"
    finally:
        server.shutdown()
        server.server_close()


def test_every_action_of_a_workflow_can_be_pinned():
    used = pinnable = 0
    spec = importlib.util.spec_from_file_location("pin", ROOT / "deploy" / "pin.py")
    pin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pin)
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = file.read_text()
        used += text.count("uses:")
        pinnable += len(pin._ACTION.findall(text))
    assert used == pinnable > 0
