"""The landing zone: folders of files as they were uploaded.

In some datasets a folder of files is a partition, at any depth below the dataset's folder, and a
file beside the folders is another one. In others all CSV files are side by side, and a partition
is one of them or several. What is not read is reported with the reason, but for the markers of
`names.MARKERS`.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, Self

from amazon_reviews.config import Settings, is_remote
from amazon_reviews.errors import LandingError
from amazon_reviews.resources.landing import reasons
from amazon_reviews.resources.landing.layout import (
    FOLDERS,
    Entry,
    Files,
    LandingFile,
    LandingFolder,
    LandingPartition,
    Layout,
    Listing,
)
from amazon_reviews.resources.landing.listing import list_partitions
from amazon_reviews.resources.landing.local import LocalFiles
from amazon_reviews.resources.landing.names import PROFILES, partition_key, partition_path
from amazon_reviews.resources.landing.unmatched import Unmatched, UnmatchedFiles

CAPTURE_FOLDER = "event_hubs_capture"
"""The folder of Avro files that Event Hubs Capture writes."""

CAPTURE_SUFFIX = ".avro"

# Beside the folders of the datasets: what the sample writes for the emulator and for tests.
_KNOWN = ("events", "truth.json")
_AZURE_VARIABLES = {
    "azure_account": "AZURE_STORAGE_ACCOUNT_NAME",
    "azure_endpoint": "AZURE_STORAGE_ENDPOINT",
    "azure_sas_token": "AZURE_STORAGE_SAS_TOKEN",
    "azure_account_key": "AZURE_STORAGE_ACCOUNT_KEY",
}


@dataclass(frozen=True)
class LandingZone:
    """A landing zone in a local folder or in an Azure container.

    Attributes:
        location: the folder, or the abfss:// or az:// address, that holds the datasets.
        follows_links: True if links that lead out of the folder are followed.
        azure_account: the storage account of an az:// address.
        azure_endpoint: the account's address outside of Azure's public cloud.
        azure_sas_token: a token for access; not in a representation.
        azure_account_key: a key for access; not in a representation.
    """

    location: str
    follows_links: bool = False
    azure_account: str = ""
    azure_endpoint: str = ""
    azure_sas_token: str = field(default="", repr=False)
    azure_account_key: str = field(default="", repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return that of the settings, with the account and credentials of the environment."""
        account = {name: os.environ.get(of, "") for name, of in _AZURE_VARIABLES.items()}
        return cls(settings.landing, settings.landing_links, **account)

    def partitions(self, dataset: str, layout: Layout = FOLDERS) -> dict[str, LandingPartition]:
        """Return the partitions of `dataset` that hold files, by name in natural order.

        Raises:
            LandingError: the location or the dataset's folder is not a folder, or cannot be read.
        """
        return self.listing(dataset, layout).partitions

    def listing(self, dataset: str, layout: Layout = FOLDERS) -> Listing:
        """Return the partitions of `dataset`, and what is in its folder and not read.

        Raises:
            LandingError: see `partitions`.
        """
        return list_partitions(dataset, self._files().list(dataset), layout)

    def unmatched_elsewhere(self, datasets: Sequence[str]) -> UnmatchedFiles:
        """Return what is not read outside the folders of `datasets`.

        An unknown folder counts as one, with all that it holds.

        Raises:
            LandingError: see `partitions`.
        """
        unmatched = UnmatchedFiles()
        for _, entry in self._files().list("", deep=False):
            if isinstance(entry, Unmatched):
                unmatched.add(entry)
            elif isinstance(entry, LandingFolder) and entry.name == CAPTURE_FOLDER:
                self._add_captured(unmatched)
            elif not isinstance(entry, LandingError) and entry.name not in (*_KNOWN, *datasets):
                is_folder = isinstance(entry, LandingFolder)
                reason = _misplaced(entry.name, datasets, is_folder=is_folder)
                unmatched.add(Unmatched(entry.name, *reason))
        return unmatched

    def partition(self, dataset: str, name: str, layout: Layout = FOLDERS) -> LandingPartition:
        """Return one partition in its present state.

        Raises:
            LandingError: it does not exist, holds no file to read, or cannot be read.
        """
        entries = (
            self._of_partition(dataset, name, layout) if layout.in_folders else self._flat(dataset)
        )
        partition = list_partitions(dataset, entries, layout).partitions.get(name)
        if partition is None:
            path = f"{dataset}/{partition_path(name)}" if layout.in_folders else dataset
            of_partition = "" if layout.in_folders else f"of {name} "
            raise LandingError(
                f"{self.location}/{path} holds no file {of_partition}ending in "
                f"{layout.extensions}; upload the partition's files, or leave its rows as they are"
            )
        return partition

    def open(self, file: LandingFile) -> BinaryIO:
        """Open a file for reading its bytes.

        Raises:
            LandingError: the file is gone, or access is denied; reading it may raise it too.
        """
        return self._files().open(file)

    def _of_partition(self, dataset: str, name: str, layout: Layout) -> Iterator[tuple[str, Entry]]:
        """Yield the file or the folder of a partition, and the profiles of its dataset."""
        path = partition_path(name)
        # Another name could lead out of the dataset's folder.
        if partition_key(path) != name or {"", ".", ".."} & {*path.split("/")}:
            return
        files = self._files()
        yield from (("", file) for file in files.named(dataset, PROFILES))
        is_file = "/" not in path and layout.reads(path)
        if is_file and (side_by_side := [*files.named(dataset, [path])]):
            yield from (("", file) for file in side_by_side)
            return
        for _, entry in files.list(f"{dataset}/{path}", deep=False):
            if not isinstance(entry, LandingFolder):
                yield path, entry

    def _flat(self, dataset: str) -> Iterator[tuple[str, Entry]]:
        for folder, entry in self._files().list(dataset, deep=False):
            if not isinstance(entry, LandingFolder):
                yield folder, entry

    def captures(self) -> Iterator[tuple[str, LandingFile | LandingError]]:
        """Yield the files of Event Hubs Capture, with their paths below `CAPTURE_FOLDER`.

        Raises:
            LandingError: the folder cannot be listed.
        """
        for folder, entry in self._files().list(CAPTURE_FOLDER):
            if isinstance(entry, LandingError):
                yield folder, entry
            elif isinstance(entry, LandingFile) and entry.name.endswith(CAPTURE_SUFFIX):
                yield "/".join(filter(None, (folder, entry.name))), entry

    def _add_captured(self, unmatched: UnmatchedFiles) -> None:
        for folder, entry in self._files().list(CAPTURE_FOLDER):
            if isinstance(entry, Unmatched):
                unmatched.add(entry)
            elif isinstance(entry, LandingError):
                unmatched.add(Unmatched(f"{CAPTURE_FOLDER}/{folder}", *reasons.CLOSED))
            elif isinstance(entry, LandingFile) and not entry.name.endswith(CAPTURE_SUFFIX):
                path = "/".join(filter(None, (CAPTURE_FOLDER, folder, entry.name)))
                is_parquet = entry.name.endswith(".parquet")
                reason = reasons.PARQUET_CAPTURE if is_parquet else reasons.NOT_AVRO
                unmatched.add(Unmatched(path, *reason))

    def _files(self) -> Files:
        if not is_remote(self.location):
            return LocalFiles(Path(self.location), follows_links=self.follows_links)
        # Imported here because it loads Azure's client, which a local folder does not need.
        from amazon_reviews.resources.landing.azure import AzureAccess, azure_files

        access = AzureAccess(
            self.azure_account, self.azure_endpoint, self.azure_sas_token, self.azure_account_key
        )
        return azure_files(self.location, access)


def _misplaced(name: str, datasets: Sequence[str], *, is_folder: bool) -> tuple[str, str]:
    """Return the reason and the advice for a name at the root of the landing zone."""
    folders = ", ".join(datasets)
    if not is_folder:
        advice = f"move it into a folder of its dataset, such as {datasets[0]}/partition_1"
        return "file outside the folders of the datasets", f"{advice}; the datasets are {folders}"
    nearest = get_close_matches(name.lower(), datasets, n=1)
    advice = f"rename it to {nearest[0]}" if nearest else f"move it into one of {folders}"
    return "folder that is not the folder of a dataset", advice
