"""Atomic file replacement."""

from pathlib import Path

import pytest

from amazon_reviews.atomic_file import replace_file, replacing


def test_file_is_written_with_its_folder_and_readable_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"

    with replacing(path) as file:
        file.write(b"content")
        assert not path.exists()

    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"old")

    with pytest.raises(KeyboardInterrupt):
        _write_and_fail(path)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_replaced_file_passes_on_its_mode(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    target.chmod(0o640)

    replace_file(source, target)

    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert not source.exists()


def _write_and_fail(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"half of the ne")
        raise KeyboardInterrupt
