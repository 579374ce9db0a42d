"""Landing files in a container of Azure Blob Storage or an Azure Data Lake."""

import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from os.path import commonprefix
from typing import Any, BinaryIO

from azure.core import MatchConditions
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobClient,
    BlobPrefix,
    BlobProperties,
    ContainerClient,
    ExponentialRetry,
)

from amazon_reviews.errors import LandingError
from amazon_reviews.resources.azure_credential import default_credential
from amazon_reviews.resources.landing.layout import Entry, LandingFile, LandingFolder
from amazon_reviews.resources.landing.names import is_marker

_DATA_LAKE = re.compile(r"abfss://([^@/]+)@([^./@]+)\.dfs\.core\.windows\.net(?:/(.*))?")
_BLOBS = re.compile(r"az://([^@/]+)(?:/(.*))?")
_RANGE_BYTES = 8 * 1024 * 1024
_RANGES_AHEAD = 4
_PAGE_FILES = 5_000
_BUSY = (429, 500, 503)
_ARCHIVED = ("BlobArchived", "BlobBeingRehydrated")
_CREDENTIALS = "AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_ACCOUNT_KEY"


@dataclass(frozen=True)
class AzureAccess:
    """Access to an account; without token and key by Azure's default credential.

    `endpoint` is the account's address outside of Azure's public cloud.
    """

    account: str = ""
    endpoint: str = ""
    sas_token: str = field(default="", repr=False)
    account_key: str = field(default="", repr=False)
    tries: int = 5


@lru_cache(maxsize=8)
def azure_files(location: str, access: AzureAccess) -> "AzureFiles":
    """Return the files there; cached, because a client keeps its connections and credentials."""
    return AzureFiles(location, access)


class AzureFiles:
    """The files below a place in a container.

    Raises:
        LandingError: the location names no account, or the account cannot be reached. The text
            names account and container, and never a token or key.
    """

    def __init__(self, location: str, access: AzureAccess) -> None:
        container, account, path = _parts(location, access)
        self._location = location.rstrip("/")
        self._place = f"container {container} of the storage account {account}"
        self._root = path.strip("/")
        endpoint = access.endpoint or f"https://{account}.blob.core.windows.net"
        self._client = ContainerClient(
            endpoint,
            container,
            credential=_credential(access),
            max_single_get_size=_RANGE_BYTES,
            retry_policy=ExponentialRetry(
                initial_backoff=1, increment_base=2, retry_total=access.tries, random_jitter_range=1
            ),
        )

    def list(self, folder: str, *, deep: bool = True) -> Iterator[tuple[str, Entry]]:
        """Yield what is below `folder`, see `Files`.

        A blob that only marks a folder, and a folder of nothing but markers, are empty folders.
        """
        prefix = "".join(f"{part}/" for part in (self._root, folder) if part)
        list_blobs = self._client.list_blobs if deep else self._client.walk_blobs
        with self._explained(folder or "the landing zone"):
            for blob in list_blobs(
                name_starts_with=prefix, include=["metadata"], results_per_page=_PAGE_FILES
            ):
                path = blob.name.removeprefix(prefix)
                names = path.split("/")
                shown = [*takewhile(lambda name: not is_marker(name), names)]
                if len(shown) < len(names):
                    if deep:
                        yield "", LandingFolder("/".join(shown))
                elif isinstance(blob, BlobPrefix) or _is_folder(blob):
                    yield "", LandingFolder(path.rstrip("/"))
                else:
                    parent, _, name = path.rpartition("/")
                    yield parent, self._file(blob, name)

    def named(self, folder: str, names: Sequence[str]) -> Iterator[LandingFile]:
        """Yield the files of these names in a folder, see `Files`; one request for all of them."""
        start = "".join(f"{part}/" for part in (self._root, folder) if part)
        # Of all names one prefix of letters, not of folders.
        prefix = start + commonprefix([*names])  # noqa: RUF071
        with self._explained(folder):
            for blob in self._client.walk_blobs(name_starts_with=prefix, include=["metadata"]):
                name = blob.name.removeprefix(start)
                if name in names and not isinstance(blob, BlobPrefix) and not _is_folder(blob):
                    yield self._file(blob, name)

    def open(self, file: LandingFile) -> BinaryIO:
        """Open a file, which is read by ranges in advance; a change meanwhile is an error."""
        name = file.path.removeprefix(f"{self._location}/")
        blob = self._client.get_blob_client("/".join(filter(None, (self._root, name))))
        return io.BufferedReader(_BlobReader(blob, file, self._explained))

    def _file(self, blob: BlobProperties, name: str) -> LandingFile:
        below = blob.name.removeprefix(f"{self._root}/") if self._root else blob.name
        return LandingFile(f"{self._location}/{below}", name, blob.size, _quoted(blob.etag))

    @contextmanager
    def _explained(self, subject: str) -> Iterator[None]:
        try:
            yield
        except AzureError as error:
            # Without its cause: the text may hold a request with its token.
            raise LandingError(f"{subject}: {self._place} {_reason(error)}") from None


class _BlobReader(io.RawIOBase):
    """Reads a blob of known size and version in ranges, by a few threads."""

    def __init__(
        self,
        blob: BlobClient,
        file: LandingFile,
        explained: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._blob = blob
        self._file = file
        self._explained = explained
        self._threads = ThreadPoolExecutor(_RANGES_AHEAD)
        self._starts = iter(range(0, file.size, _RANGE_BYTES))
        self._ranges: deque[Future[bytes]] = deque()
        self._rest = memoryview(b"")
        for _ in range(_RANGES_AHEAD):
            self._request_next()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and self._ranges:
            with self._explained(self._file.path):
                self._rest = memoryview(self._ranges.popleft().result())
            self._request_next()
        target = memoryview(buffer)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        super().close()

    def _request_next(self) -> None:
        start = next(self._starts, None)
        if start is not None:
            self._ranges.append(self._threads.submit(self._download, start))

    def _download(self, start: int) -> bytes:
        length = min(_RANGE_BYTES, self._file.size - start)
        # Otherwise the client would decompress each range by the blob's Content-Encoding. That may
        # be wrong, and gzip cannot be decompressed from its middle.
        return self._blob.download_blob(
            start,
            length,
            etag=self._file.changed,
            match_condition=MatchConditions.IfNotModified,
            decompress=False,
        ).readall()


def _parts(location: str, access: AzureAccess) -> tuple[str, str, str]:
    """Return container, account and path of a location."""
    if match := _DATA_LAKE.fullmatch(location):
        return match[1], match[2], match[3] or ""
    match = _BLOBS.fullmatch(location)
    if match and access.account:
        return match[1], access.account, match[2] or ""
    raise LandingError(
        f"{location} names no storage account; set AZURE_STORAGE_ACCOUNT_NAME, or use "
        "abfss://container@account.dfs.core.windows.net/path"
    )


def _credential(access: AzureAccess) -> Any:
    if access.sas_token:
        return AzureSasCredential(access.sas_token.removeprefix("?"))
    if access.account_key:
        return access.account_key
    return default_credential()


def _quoted(etag: str) -> str:
    """Return an ETag in quotes, as a condition needs it; a listing omits them."""
    return f'"{etag.strip(chr(34))}"'


def _is_folder(blob: BlobProperties) -> bool:
    """Return True for a blob without bytes that stands for a folder.

    A Data Lake marks it by its metadata, some tools by the end of its name.
    """
    is_marked = (blob.metadata or {}).get("hdi_isfolder", "").lower() == "true"
    return is_marked or (blob.name.endswith("/") and not blob.size)


def _reason(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    code = str(getattr(code, "value", code) or type(error).__name__)
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if code == "ContainerNotFound":
        return "does not exist; check AMAZON_REVIEWS_LANDING"
    if isinstance(error, ResourceNotFoundError):
        return f"no longer holds it ({code}); upload it again, or read its partition without it"
    if code == "ConditionNotMet":
        return (
            "holds another version of it now, or has lost it; materialize again when the upload is "
            "complete"
        )
    if isinstance(error, ClientAuthenticationError) and status is None:
        return f"cannot be read without a credential; set {_CREDENTIALS}, or log in to Azure"
    if status in (401, 403):
        return (
            f"denies access ({code}); the token may have expired, or may not allow both read and "
            f"list: renew {_CREDENTIALS}"
        )
    if status in _BUSY:
        return f"is too busy ({code}), even after several attempts; run again later"
    if code in _ARCHIVED:
        return f"could not be read ({code}); move it to an online access tier and wait for that"
    if status is not None and 400 <= status < 500:
        return (
            f"could not be read ({code}), and another attempt does not help; look up this code of "
            f"Azure Storage, and check the blob and the account's settings"
        )
    return (
        f"could not be read ({code}), even after several attempts; check the network, the name of "
        "the account and AZURE_STORAGE_ENDPOINT, or run again later"
    )
