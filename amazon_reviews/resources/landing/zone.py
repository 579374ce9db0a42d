"""The landing zone: folders of files as they were uploaded.

In some datasets each folder `<dataset>/partition_N` of JSON lines is a partition. In others all CSV
files are side by side, and a partition is one of them or several. Names that begin with a dot or
an underscore are uploads in progress or markers, and are not read.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, Self

from amazon_reviews.config import is_remote
from amazon_reviews.errors import LandingError
from amazon_reviews.resources.landing.layout import (
    FOLDERS,
    Files,
    LandingFile,
    LandingPartition,
    Layout,
    Listing,
    misnamed_folder,
    natural_order,
    readable,
)

_AZURE_VARIABLES = {
    "azure_account": "AZURE_STORAGE_ACCOUNT_NAME",
    "azure_endpoint": "AZURE_STORAGE_ENDPOINT",
    "azure_sas_token": "AZURE_STORAGE_SAS_TOKEN",
    "azure_account_key": "AZURE_STORAGE_ACCOUNT_KEY",
}
MAX_UNPACKED_GB = 200
"""The default of AMAZON_REVIEWS_MAX_UNPACKED_GB."""


@dataclass(frozen=True)
class LandingZone:
    """A landing zone in a local folder or in an Azure container.

    Attributes:
        location: the folder, or the abfss:// or az:// address, that holds the datasets.
        max_unpacked_bytes: size of a file, when it is unpacked, above which it is not read.
        azure_account: the storage account of an az:// address.
        azure_endpoint: the account's address outside of Azure's public cloud.
        azure_sas_token: a token for access; not in a representation.
        azure_account_key: a key for access; not in a representation.
    """

    location: str
    max_unpacked_bytes: int = MAX_UNPACKED_GB * 10**9
    azure_account: str = ""
    azure_endpoint: str = ""
    azure_sas_token: str = field(default="", repr=False)
    azure_account_key: str = field(default="", repr=False)

    @classmethod
    def at(cls, location: str, max_unpacked_gb: int = MAX_UNPACKED_GB) -> Self:
        """Return the landing zone there, with the account and credentials of the environment."""
        account = {name: os.environ.get(of, "") for name, of in _AZURE_VARIABLES.items()}
        return cls(location, max_unpacked_gb * 10**9, **account)

    def partitions(self, dataset: str, layout: Layout = FOLDERS) -> dict[str, LandingPartition]:
        """Return the partitions of `dataset` that hold files, by name in natural order.

        Raises:
            LandingError: the location or the dataset's folder is not a folder, or cannot be read.
        """
        return self.listing(dataset, layout).partitions

    def listing(self, dataset: str, layout: Layout = FOLDERS) -> Listing:
        """Return the partitions, unmatched files, and folders whose names resemble partitions.

        Folders of other names are left out.

        Raises:
            LandingError: see `partitions`.
        """
        files: defaultdict[str, list[LandingFile]] = defaultdict(list)
        unmatched = set()
        unreadable: dict[str, LandingError] = {}
        for folder, file in self._files().list(dataset):
            if isinstance(file, LandingError):
                if layout.in_folders and (name := layout.partition_of(folder)):
                    unreadable[name] = file
                continue
            if layout.in_folders != bool(folder) or not layout.has(file.name):
                continue
            if name := layout.partition_of(folder or file.name):
                files[name].append(file)
            elif not layout.in_folders:
                unmatched.add(f"{dataset}/{file.name}")
            elif misnamed_folder(folder):
                unmatched.add(f"{dataset}/{folder}")
        partitions = {name: _partition(name, files[name]) for name in natural_order(files)}
        return Listing(partitions, sorted(unmatched), unreadable)

    def partition(self, dataset: str, name: str, layout: Layout = FOLDERS) -> LandingPartition:
        """Return one partition in its present state.

        Raises:
            LandingError: it does not exist, holds no file to read, or cannot be read.
        """
        below = f"{dataset}/{name}" if layout.in_folders else dataset
        files = [
            file
            for folder, file in self._files().list(below)
            if not folder
            and isinstance(file, LandingFile)
            and layout.has(file.name)
            and (layout.in_folders or layout.partition_of(file.name) == name)
        ]
        if not files:
            of_partition = "" if layout.in_folders else f"of {name} "
            raise LandingError(
                f"{self.location}/{below} holds no file {of_partition}ending in {layout.suffix} or "
                f"{layout.suffix}.gz; upload the partition's files, or leave its rows as they are"
            )
        return _partition(name, files)

    def open(self, file: LandingFile) -> BinaryIO:
        """Open a file for reading its bytes.

        Raises:
            LandingError: the file is gone, or access is denied; reading it may raise it too.
        """
        return self._files().open(file)

    def _files(self) -> Files:
        if not is_remote(self.location):
            return _LocalFiles(Path(self.location))
        # Imported here because it loads Azure's client, which a local folder does not need.
        from amazon_reviews.resources.landing.azure import AzureAccess, azure_files

        access = AzureAccess(
            self.azure_account, self.azure_endpoint, self.azure_sas_token, self.azure_account_key
        )
        return azure_files(self.location, access)


class _LocalFiles:
    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, folder: str) -> Iterator[tuple[str, LandingFile | LandingError]]:
        top = self._root / folder
        try:
            paths = [*top.iterdir()]
        except FileNotFoundError:
            return
        except NotADirectoryError:
            raise LandingError(
                f"{top} is not a folder; AMAZON_REVIEWS_LANDING must hold one"
            ) from None
        except OSError as error:
            raise _not_listed(top, error) from None
        for path in paths:
            try:
                if path.is_dir():
                    # All of a folder's files or none: some of them would look like a smaller one.
                    files = _files_in(path.iterdir())
                    yield from ((path.name, file) for file in files)
                else:
                    yield from (("", file) for file in _files_in([path]))
            except FileNotFoundError:
                # It was removed while the folder was listed.
                continue
            except OSError as error:
                yield path.name, _not_listed(path, error)

    def open(self, file: LandingFile) -> BinaryIO:
        try:
            return Path(file.path).open("rb")
        except OSError as error:
            raise LandingError(f"{file.path} cannot be opened ({error}); upload again") from error


def _partition(name: str, files: list[LandingFile]) -> LandingPartition:
    return LandingPartition(name, tuple(sorted(files, key=lambda file: file.path)))


def _files_in(paths: Iterable[Path]) -> list[LandingFile]:
    """Return the files to read among `paths`, without those that are removed meanwhile."""
    files = []
    for path in paths:
        with suppress(FileNotFoundError):
            if readable(path.name) and S_ISREG((stat := path.stat()).st_mode):
                files.append(LandingFile(str(path), path.name, stat.st_size, str(stat.st_mtime_ns)))
    return files


def _not_listed(path: Path, error: OSError) -> LandingError:
    return LandingError(
        f"{path} cannot be listed ({error.strerror}); let the user of this process read it, or "
        "remove it"
    )
