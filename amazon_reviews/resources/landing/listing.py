"""From the files of a dataset's folder to its partitions, and to what is not read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from amazon_reviews.errors import LandingError
from amazon_reviews.resources.landing import reasons
from amazon_reviews.resources.landing.layout import (
    Entry,
    LandingFile,
    LandingFolder,
    LandingPartition,
    Layout,
    Listing,
)
from amazon_reviews.resources.landing.names import (
    is_profile,
    is_unfinished,
    is_utf8,
    look_alike,
    natural_order,
    partition_key,
)
from amazon_reviews.resources.landing.unmatched import Unmatched, UnmatchedFiles

_Reason = tuple[str, str]
_ByFolder = defaultdict[str, list[LandingFile]]


def list_partitions(dataset: str, entries: Iterable[tuple[str, Entry]], layout: Layout) -> Listing:
    """Return the partitions and what is not read.

    `entries` come with the path of their folder, see `Files.list`. A folder that holds files is a
    partition, and the folders below it are not read. Nothing depends on the order of the entries.
    """
    found = _Found(dataset, layout)
    for folder, entry in entries:
        found.add(folder, entry)
    files = found.partitions()
    profiles = found.profiles_of(files)
    found.report_empty()
    partitions = {
        key: LandingPartition(
            key,
            tuple(sorted(files[key], key=lambda file: file.path)),
            profiles.get(key, profiles.get("")),
        )
        for key in natural_order(files)
    }
    alike = look_alike(partitions) if layout.in_folders else []
    return Listing(partitions, found.unmatched, found.unreadable, profiles.get(""), alike)


@dataclass
class _Found:
    """The entries of a dataset's folder, by the path of the folder that holds them."""

    dataset: str
    layout: Layout
    files: _ByFolder = field(default_factory=lambda: defaultdict(list))
    profiles: _ByFolder = field(default_factory=lambda: defaultdict(list))
    empty_files: list[str] = field(default_factory=list)
    empty_folders: set[str] = field(default_factory=set)
    is_read: dict[str, bool] = field(default_factory=dict)
    refused_folders: set[str] = field(default_factory=set)
    unreadable: dict[str, LandingError] = field(default_factory=dict)
    unmatched: UnmatchedFiles = field(default_factory=UnmatchedFiles)

    def add(self, folder: str, entry: Entry) -> None:
        """Take an entry."""
        if isinstance(entry, Unmatched):
            self.unmatched.add(entry)
        elif isinstance(entry, LandingFolder):
            self.empty_folders.add(_joined(folder, entry.name))
        else:
            if folder not in self.is_read:
                self.is_read[folder] = self._check_folder(folder)
            if isinstance(entry, LandingError):
                if self.is_read[folder]:
                    self.unreadable[partition_key(folder)] = entry
            elif self.is_read[folder]:
                self._add_file(folder, entry)

    def partitions(self) -> dict[str, list[LandingFile]]:
        """Return the files by partition."""
        partitions: defaultdict[str, list[LandingFile]] = defaultdict(list)
        side_by_side = self.files.pop("", [])
        names = {file.name for file in side_by_side}
        paths = [(file.name, [file]) for file in side_by_side]
        for folder, files in self.files.items():
            if below := _below(folder, self.files):
                self._refuse_folder(below, reasons.SUBFOLDER)
            elif folder in names:
                self._refuse(folder, reasons.SAME_NAME)
            else:
                paths.append((folder, files))
        for path, files in paths:
            if (key := self.layout.partition_of(path)) is None:
                advice = f"give it a name {self.layout.naming}"
                self._refuse(path, ("name that makes no partition", advice))
            else:
                partitions[key] += files
        return partitions

    def profiles_of(self, partitions: Iterable[str]) -> dict[str, LandingFile]:
        """Return the user-defined profiles by partition; that of the whole dataset has no name."""
        keys = {"", *partitions}
        chosen = {}
        for folder, profiles in self.profiles.items():
            first, *others = sorted(profiles, key=lambda file: file.name)
            if (key := partition_key(folder)) in keys:
                chosen[key] = first
            else:
                self._refuse(_joined(folder, first.name), reasons.PROFILE)
            for other in others:
                self._refuse(_joined(folder, other.name), reasons.SECOND_PROFILE)
        return chosen

    def report_empty(self) -> None:
        """Report empty files and folders, without those that stand for a folder in Azure."""
        folders = {*self.is_read, *self.empty_folders}
        holding = {above for folder in folders for above in _above(folder)}
        for folder in self.empty_folders - holding - self.is_read.keys() - {""}:
            self._refuse(folder, reasons.EMPTY_FOLDER)
        for path in self.empty_files:
            if path not in holding and path not in folders:
                self._refuse(path, reasons.EMPTY)

    def _add_file(self, folder: str, file: LandingFile) -> None:
        path = _joined(folder, file.name)
        records = self.layout.in_folders
        if records and is_profile(file.name):
            self.profiles[folder].append(file)
        elif records and not file.size:
            self.empty_files.append(path)
        elif reason := self._refusal(file.name):
            self._refuse(path, reason)
        else:
            self.files[folder].append(file)

    def _refusal(self, name: str) -> _Reason | None:
        """Return the reason for which a file of this name is not read."""
        if not is_utf8(name):
            return reasons.NOT_UTF8
        if is_unfinished(name):
            return reasons.UNFINISHED
        if name.startswith("_"):
            return reasons.UNDERSCORE
        if not self.layout.reads(name):
            return reasons.EXTENSION, f"read are {self.layout.extensions}; convert or remove it"
        return None

    def _check_folder(self, folder: str) -> bool:
        """Return True if the files in a folder may be read; report it, or one above it, if not."""
        if folder and not self.layout.in_folders:
            self._refuse_folder(folder.partition("/")[0], reasons.FOLDER_OF_FILES)
            return False
        for path in (*_above(folder), folder):
            name = path.rpartition("/")[2]
            if name.startswith("_") or not is_utf8(name):
                reason = reasons.UNDERSCORE if is_utf8(name) else reasons.NOT_UTF8
                self._refuse_folder(path, reason)
                return False
        return True

    def _refuse_folder(self, path: str, reason: _Reason) -> None:
        # Every file below the folder leads to the report of it.
        if path not in self.refused_folders:
            self.refused_folders.add(path)
            self._refuse(path, reason)

    def _refuse(self, path: str, reason: _Reason) -> None:
        self.unmatched.add(Unmatched(f"{self.dataset}/{path}", *reason))


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name


def _above(folder: str) -> Iterator[str]:
    """Yield the folders above a folder, the outermost first."""
    end = folder.find("/")
    while end >= 0:
        yield folder[:end]
        end = folder.find("/", end + 1)


def _below(folder: str, partitions: _ByFolder) -> str | None:
    """Return the outermost part of a path that is below the folder of a partition."""
    for above, path in pairwise([*_above(folder), folder]):
        if above in partitions:
            return path
    return None
