"""Files that people name: pipes, devices and folders are refused, and nothing waits for them."""

import os
import signal
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.cli.common.send_lines import send_lines
from amazon_reviews.errors import InputFileError, LandingError, ProfileError
from amazon_reviews.pipeline.inspection import landing_file
from amazon_reviews.pipeline.intake import Intake
from amazon_reviews.plain_file import NotPlainFileError, open_plain_file
from amazon_reviews.resources.landing.layout import LandingFile
from amazon_reviews.serving.input_files import lines, read_csv


@pytest.fixture(autouse=True)
def _time_limit():
    """Interrupt a test that waits, as the opening of a FIFO would for ever."""

    def give_up(*_):
        pytest.fail("it waits")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 20)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Return the paths of files that are no plain files, by kind."""
    os.mkfifo(tmp_path / "fifo.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.csv")
    return {
        "FIFO": tmp_path / "fifo.csv",
        "folder": tmp_path / "folder.csv",
        "character device": tmp_path / "device.csv",
        "socket": tmp_path / "socket.csv",
    }


def test_only_plain_files_are_opened(odd, tmp_path):
    for kind in ("FIFO", "folder", "character device"):
        with pytest.raises(NotPlainFileError) as caught:
            open_plain_file(odd[kind])
        assert caught.value.strerror == f"it is a {kind}, not a plain file"
    with pytest.raises(OSError, match="No such device or address"):
        open_plain_file(odd["socket"])
    (tmp_path / "plain").write_bytes(b"x")
    (tmp_path / "link").symlink_to("plain")
    with open_plain_file(tmp_path / "link") as file:
        assert file.read() == b"x"


def test_files_handed_over_are_plain_files(odd):
    for path in odd.values():
        with pytest.raises(InputFileError, match="cannot be read"):
            next(lines(path, "x"))
        with pytest.raises(InputFileError, match="cannot be read"):
            read_csv(path, ["text"])
        with pytest.raises(LandingError, match="is not a plain file"):
            landing_file(path)
        with pytest.raises(InputFileError, match="cannot be read"):
            send_lines(path, "", lambda: False)


@pytest.mark.parametrize(
    "command",
    [
        ["inspect", "PATH"],
        ["inspect", "plain.csv", "--profile", "PATH"],
        ["inspect", "PATH", "--write-profile", "new.yaml"],
    ],
    ids=" ".join,
)
def test_inspect_refuses_a_pipe(odd, tmp_path, command):
    (tmp_path / "plain.csv").write_text("a,b\n1,2\n")
    arguments = [str(odd["FIFO"]) if word == "PATH" else word for word in command]

    result = CliRunner().invoke(main, arguments)

    assert result.exit_code in (1, 2)
    assert "plain file" in result.output
    assert not (tmp_path / "new.yaml").exists()


def test_profiles_are_plain_files(tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(ProfileError, match=r"a\.yaml cannot be read: it is a FIFO"):
        Intake(tmp_path).own_profiles()


def test_landing_file_that_became_a_pipe_is_not_waited_for(landing):
    folder = Path(landing.location) / "amazon_reviews" / "p"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text("{}")
    (file,) = landing.partition("amazon_reviews", "p").files
    (folder / "a.json").unlink()
    os.mkfifo(folder / "a.json")

    with pytest.raises(LandingError, match=r"a\.json cannot be opened \(it is a FIFO"):
        landing.open(file)
    # Of a listing without identities too.
    with pytest.raises(LandingError, match="it is a FIFO"):
        landing.open(LandingFile(file.path, file.name, file.size, file.changed))
