"""A file on an HTTP server: its version, its bytes from any position, and errors in words.

Proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Certificates are checked with the bundle
of REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, otherwise with OpenSSL's, which SSL_CERT_FILE and
SSL_CERT_DIR replace.
"""

import base64
import http.client
import os
import re
import ssl
from binascii import Error as Base64Error
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import IO, Any
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from amazon_reviews.errors import DownloadError, NotPublishedError, SettingsError, UsageError

_SCHEMES = ("http", "https")
_SECONDS_OF_SILENCE = 60
_CHUNK_BYTES = 1 << 20
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_ABSENT = (404, 410)
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_DIGEST = re.compile(r"\b(sha-512|sha-256|md5)=:?([A-Za-z0-9+/]+={0,2})(?=[:,;\s]|$)", re.I)
_DIGEST_BYTES = {"sha-512": 64, "sha-256": 32, "md5": 16}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class RetryableError(DownloadError):
    """A connection broke or a server is busy; `seconds` is the wait that the server asks for."""

    def __init__(self, text: str, seconds: float | None = None) -> None:
        self.seconds = seconds
        super().__init__(text)


class OtherVersionError(RetryableError):
    """The server no longer has the version whose rest was requested."""


@dataclass(frozen=True)
class Version:
    """The version of a file at an address, as its server describes it.

    Attributes:
        url: the address as `shown`, because versions are written to files.
        etag: the ETag, quoted as the server sends it; "" without one.
        modified: the time of Last-Modified; "" without one.
        length: number of bytes; None if the server does not state it.
        checksum: algorithm and hexadecimal digest, as `sha256:…`; "" without one.
    """

    url: str
    etag: str = ""
    modified: str = ""
    length: int | None = None
    checksum: str = ""

    @property
    def validator(self) -> str:
        """The value for If-Range, which allows no weak ETag; "" if the server sends none."""
        return self.etag if self.etag.startswith('"') else self.modified

    def matches(self, other: "Version") -> bool:
        """Return True if both are certainly the same bytes."""
        etags = (self.etag, other.etag)
        mine, theirs = etags if all(etags) else (self.modified, other.modified)
        lengths = {self.length, other.length} - {None}
        return self.url == other.url and mine == theirs != "" and len(lengths) <= 1


class Response:
    """An open response; iterating yields the bytes of the file from position `start`."""

    def __init__(self, url: str, answer: http.client.HTTPResponse) -> None:
        headers = answer.headers
        length = headers.get("Content-Length", "")
        self._answer = answer
        self._url = url
        self.start = 0
        self.media_type = headers.get_content_type()
        size = int(length) if length.isdecimal() else None
        self._left = size
        if answer.status == http.client.PARTIAL_CONTENT:
            span = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
            if not span:
                raise OtherVersionError(f"{shown(url)} answers with an unknown range")
            self.start, size = int(span[1]), int(span[2])
            self._left = size - self.start
        etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
        self.version = Version(shown(url), etag, modified, size, _checksum(headers))

    def __iter__(self) -> Iterator[bytes]:
        while self._left != 0:
            count = _CHUNK_BYTES if self._left is None else min(self._left, _CHUNK_BYTES)
            try:
                chunk = self._answer.read1(count)
            except (OSError, http.client.HTTPException) as error:
                raise _broken(self._url, error) from None
            if not chunk:
                return
            if self._left is not None:
                self._left -= len(chunk)
            yield chunk


@contextmanager
def requested(url: str, start: int = 0, version: Version | None = None) -> Iterator[Response]:
    """Open the file at `url`, from byte `start` if the server still has `version` of it.

    Raises:
        NotPublishedError: the server has no such file.
        RetryableError: the server cannot be reached, is busy, or the connection breaks.
        DownloadError: another attempt does not help.
    """
    # A compressed transfer would have other bytes and positions than the file.
    headers = {"User-Agent": "amazon-reviews", "Accept-Encoding": "identity"}
    # Amazon S3 sends the checksum only on request.
    headers["x-amz-checksum-mode"] = "ENABLED"
    if start and version:
        headers |= {"Range": f"bytes={start}-", "If-Range": version.validator}
    try:
        answer = _opener().open(request.Request(url, headers=headers), timeout=_SECONDS_OF_SILENCE)
    except HTTPError as error:
        error.close()
        raise _refused(url, error) from None
    # A host name of an impossible form raises UnicodeError.
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise _broken(url, error) from None
    with answer:
        yield Response(url, answer)


def checked_url(url: str) -> str:
    """Return the address if it can be requested.

    Raises:
        UsageError: it is no http or https address, or holds a user name.
    """
    with suppress(ValueError):
        parts = urlsplit(url)
        # Reading the port raises ValueError if it is no number.
        known = parts.scheme in _SCHEMES and parts.hostname and (parts.port or True)
        if known and not parts.username and url.isascii() and not re.search(r"[\x00-\x20]", url):
            return url
    raise UsageError(
        f"{shown(url)!r} is not an address that can be requested; it begins with https:// or "
        "http://, holds no user name, and has blanks and special characters encoded"
    )


def shown(url: str) -> str:
    """Return the address without the parts that may hold a password or a token."""
    scheme, mark, rest = url.partition("?")[0].partition("#")[0].rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


class _Https(request.AbstractHTTPHandler):
    """Reads the trusted certificates, which takes a while, for encrypted connections only."""

    https_request = request.AbstractHTTPHandler.do_request_

    def https_open(self, req: request.Request) -> http.client.HTTPResponse:
        return self.do_open(http.client.HTTPSConnection, req, context=_certificates())


class _Redirects(request.HTTPRedirectHandler):
    """Follows redirects to http and https, but never from https to http."""

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in _SCHEMES or (req.type == "https" and scheme == "http"):
            raise DownloadError(
                f"{shown(req.full_url)} redirects to {shown(newurl)}, which is not followed: "
                "the connection would not be safe; give another address with --url"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> request.OpenerDirector:
    # Not urllib's usual opener, which also reads local files and FTP.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.UnknownHandler(),
        request.HTTPHandler(),
        _Https(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _certificates() -> ssl.SSLContext:
    for name in _BUNDLES:
        if bundle := os.environ.get(name):
            try:
                is_folder = os.path.isdir(bundle)
                return ssl.create_default_context(
                    cafile=None if is_folder else bundle, capath=bundle if is_folder else None
                )
            except OSError as error:
                raise SettingsError(name, f"{bundle} cannot be used ({error})") from None
    return ssl.create_default_context()


def _refused(url: str, error: HTTPError) -> DownloadError:
    """Return the error for an answer that is not the file."""
    answer = f"{shown(url)} answers with status {error.code} ({error.reason})"
    if error.code in _ABSENT:
        return NotPublishedError(answer)
    if error.code in _TRANSIENT:
        return RetryableError(answer, _seconds(error.headers.get("Retry-After", "")))
    if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        return OtherVersionError(answer)
    if 300 <= error.code < 400:
        return DownloadError(f"{answer}: its redirects go in a circle or to no web address")
    return DownloadError(f"{answer}; check the address, and the access to it")


def _broken(url: str, error: Exception) -> DownloadError:
    """Return the error for a connection that was not made, or broke."""
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(
            f"the certificate of {shown(url)} cannot be trusted ({reason.verify_message}); behind "
            "a proxy with its own certificates, name their file in SSL_CERT_FILE"
        )
    # Some errors of http.client have no text.
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return RetryableError(f"no connection to {shown(url)} ({text})")


def _seconds(retry_after: str) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date."""
    if retry_after.isdecimal():
        return float(retry_after)
    with suppress(ValueError):
        date = parsedate_to_datetime(retry_after)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, (date - datetime.now(UTC)).total_seconds())
    return None


def _checksum(headers: Message) -> str:
    """Return the strongest checksum of the whole file that the headers state."""
    stated = [
        f"md5={headers.get('Content-MD5', '')}",
        f"md5={headers.get('x-ms-blob-content-md5', '')}",
        f"sha-256={headers.get('x-amz-checksum-sha256', '')}",
    ]
    for name in ("Digest", "Repr-Digest", "x-goog-hash"):
        stated += headers.get_all(name, [])
    digests = {}
    for name, text in _DIGEST.findall(", ".join(stated)):
        algorithm = name.lower()
        with suppress(Base64Error):
            digest = base64.b64decode(text, validate=True)
            # The checksum of an upload in parts has another form.
            if len(digest) == _DIGEST_BYTES[algorithm]:
                digests[algorithm] = digest.hex()
    strongest = next(filter(digests.get, _DIGEST_BYTES), "")
    return f"{strongest.replace('-', '')}:{digests[strongest]}" if strongest else ""
