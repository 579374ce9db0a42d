"""A model in one file: numpy's .npz with a JSON entry; loading executes no code of the file."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from amazon_reviews.atomic_file import replacing
from amazon_reviews.errors import ModelFileError

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]
Facts = dict[str, Any]

_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    IndexError,
    NotImplementedError,
)


@dataclass(frozen=True)
class ModelFormat:
    """A kind of model file.

    `name` is used in messages. Files that unpack to more than `most_bytes` are rejected, as they
    could fill the memory.
    """

    identifier: str
    version: int
    name: str
    most_bytes: int

    def write(
        self, path: Path, arrays: Mapping[str, NDArray[Any]], facts: Facts, *, packed: bool = False
    ) -> None:
        """Write a model to `path`; an existing file is replaced atomically."""
        all_facts = {**self._with_format(facts), "digest": self.digest(arrays, facts)}
        text = np.frombuffer(json.dumps(all_facts, sort_keys=True).encode(), np.uint8)
        save = np.savez_compressed if packed else np.savez
        with replacing(path) as file:
            save(file, allow_pickle=False, facts=text, **arrays)

    def read(self, path: Path, restored: Callable[[Arrays, Facts], T]) -> T:
        """Return the result of `restored` for the arrays and facts that `write` wrote.

        Raises:
            FileNotFoundError: there is no file.
            ModelFileError: the file is something else, damaged, or of another version.
        """
        try:
            arrays, facts = self._unpacked(path)
            if facts.pop("format") != self.identifier:
                raise ModelFileError(f"{path}: not a {self.name}")
            if (version := facts.pop("format_version")) != self.version:
                raise ModelFileError(f"{path}: format {version}, this program reads {self.version}")
            if facts.pop("digest") != self.digest(arrays, facts):
                raise ModelFileError(f"{path}: damaged, its content is not what was saved")
            return restored(arrays, facts)
        except _UNREADABLE as error:
            raise ModelFileError(f"{path}: not a {self.name}, or damaged ({error})") from error

    def digest(self, arrays: Mapping[str, NDArray[Any]], facts: Facts) -> str:
        """Return hex digits that identify the content, the same before and after writing."""
        digest = hashlib.sha256(json.dumps(self._with_format(facts), sort_keys=True).encode())
        for name in sorted(arrays):
            digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())
        return digest.hexdigest()

    def _with_format(self, facts: Facts) -> Facts:
        return {**facts, "format": self.identifier, "format_version": self.version}

    def _unpacked(self, path: Path) -> tuple[Arrays, Facts]:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > self.most_bytes:
                raise ModelFileError(f"{path}: unpacks to more than {self.most_bytes >> 20} MiB")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name != "facts"}
            facts: Facts = json.loads(stored["facts"].tobytes())
            return arrays, facts
