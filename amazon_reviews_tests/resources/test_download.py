"""Downloads over HTTP: resumed, verified, and never half a file."""

import base64
import errno
import gzip
import hashlib
import json
import os
import random
import resource
import shutil
import ssl
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.request import Request

import pytest
from filelock import FileLock

from amazon_reviews.errors import (
    DownloadError,
    LandingError,
    NotPublishedError,
    SettingsError,
    StorageError,
    UsageError,
)
from amazon_reviews.resources.download.fetch import TRIES, fetch
from amazon_reviews.resources.download.http_file import Version, _Redirects, checked_url
from amazon_reviews_tests.file_server import MODIFIED, Reply, file_server
from amazon_reviews_tests.ports import free_port

LINES = [
    json.dumps({"n": n, "text": random.Random(n).randbytes(90).hex()}).encode() + b"\n"
    for n in range(5_000)
]
PLAIN = b"".join(LINES)
FILE = gzip.compress(PLAIN, 1, mtime=0)
OTHER = gzip.compress(b"".join(reversed(LINES)), 1, mtime=0)
HTML = b"<html><body>Please log in to the proxy.</body></html>"
CUT = 150_000
REST = f"bytes={CUT}-"


class Watcher:
    def __init__(self):
        self.steps = []
        self.remarks = []

    def advance(self, step, done, total):
        self.steps.append((step, done, total))

    def remark(self, text):
        self.remarks.append(text)


class Download:
    """A file that is fetched from a server, with the waits instead of waiting."""

    def __init__(self, folder, server):
        self.path = folder / "landing" / "partition_1" / "f.jsonl.gz"
        self.server = server
        self.watcher = Watcher()
        self.waits = []

    def fetch(self, *replies, rows=None, urls=None):
        self.server.replies = [*replies]
        urls = urls or [f"{self.server.url}/f.jsonl.gz"]
        return fetch(urls, self.path, self.watcher, rows, self.waits.append)

    def break_off(self, *replies):
        """Receive CUT bytes, and fail as a process that ends then does."""
        with pytest.raises(DownloadError):
            self.fetch(Reply(cut=CUT), Reply(status=403, content=HTML))
        assert self.hidden() == [".f.jsonl.gz.part", ".f.jsonl.gz.part.json"]
        assert self.path.with_name(".f.jsonl.gz.part").stat().st_size == CUT
        self.server.requests.clear()
        self.server.conditions.clear()

    def hidden(self):
        if not self.path.parent.exists():
            return []
        return sorted(path.name for path in self.path.parent.iterdir() if path.name[0] == ".")

    def nothing_is_stored(self):
        return not self.path.parent.exists()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def shared_server():
    with file_server() as server:
        yield server


@pytest.fixture
def server(shared_server):
    shared_server.files = {"/f.jsonl.gz": FILE}
    shared_server.replies = []
    shared_server.requests.clear()
    shared_server.conditions.clear()
    return shared_server


@pytest.fixture
def download(tmp_path, server):
    return Download(tmp_path, server)


def test_a_file_is_stored_unchanged_with_its_version_beside_it(download):
    assert download.fetch() is True

    assert download.path.read_bytes() == FILE
    assert download.hidden() == [".f.jsonl.gz.json"]
    assert ("download", len(FILE), len(FILE)) in download.watcher.steps
    assert download.watcher.steps[-1] == ("check", len(FILE), len(FILE))


def test_a_broken_connection_continues_where_it_broke(download):
    assert download.fetch(Reply(cut=CUT), Reply(cut=100)) is True

    assert download.path.read_bytes() == FILE
    assert download.server.ranges == [None, REST, f"bytes={CUT + 100}-"]
    assert download.server.conditions == [None, '"v1"', '"v1"']
    assert download.waits == [1.0, 1.0]


def test_the_next_call_continues_where_the_last_one_broke_off(download):
    download.break_off()

    assert download.fetch() is True
    assert download.path.read_bytes() == FILE
    assert download.server.ranges == [REST]


def test_a_complete_part_is_not_requested_again(download):
    download.break_off()
    download.path.with_name(".f.jsonl.gz.part").write_bytes(FILE)

    assert download.fetch() is True
    assert download.path.read_bytes() == FILE
    assert download.server.requests == []


def test_a_weak_etag_is_no_condition_for_a_range(download):
    download.fetch(Reply(cut=CUT, etag='W/"1"'), Reply(etag='W/"1"'))

    assert download.server.conditions == [None, MODIFIED]
    assert download.path.read_bytes() == FILE


def test_a_server_without_validators_starts_from_zero(download):
    without = {"Last-Modified": ""}
    download.fetch(Reply(cut=CUT, etag="", headers=without), Reply(etag="", headers=without))

    assert download.server.ranges == [None, None]
    assert download.path.read_bytes() == FILE


def test_a_server_without_ranges_starts_from_zero(download):
    download.fetch(Reply(cut=CUT), Reply(ranges=False))

    assert download.server.ranges == [None, REST]
    assert download.path.read_bytes() == FILE


@pytest.mark.parametrize("checks_version", [True, False])
def test_another_version_on_the_server_starts_from_zero(download, checks_version):
    changed = Reply(OTHER, etag='"v2"', checks_version=checks_version)
    download.fetch(Reply(cut=CUT), changed, changed)

    assert download.path.read_bytes() == OTHER
    assert any("changed" in remark for remark in download.watcher.remarks)


def test_a_download_continues_with_a_new_token_and_stores_none(download):
    old, new = (f"/f.jsonl.gz?sig=secret-{number}" for number in range(2))
    download.server.files |= {old: FILE, new: FILE}
    urls = [f"{download.server.url}{old}"]
    with pytest.raises(DownloadError):
        download.fetch(Reply(cut=CUT), Reply(status=403, content=HTML), urls=urls)
    stored = [path.read_bytes() for path in download.path.parent.iterdir()]

    assert download.fetch(urls=[f"{download.server.url}{new}"]) is True
    stored += [path.read_bytes() for path in download.path.parent.iterdir()]
    assert download.server.ranges[-1] == REST
    assert download.path.read_bytes() == FILE
    assert not [content for content in stored if b"secret" in content]


def test_a_part_of_another_address_is_not_continued(download):
    download.break_off()
    download.server.files["/mirror.jsonl.gz"] = OTHER

    download.fetch(urls=[f"{download.server.url}/mirror.jsonl.gz"])

    assert download.server.ranges == [None]
    assert download.path.read_bytes() == OTHER


def test_a_range_beyond_the_file_starts_from_zero(download):
    download.break_off()
    download.fetch(Reply(status=416, content=HTML))

    assert download.path.read_bytes() == FILE
    assert download.server.ranges == [REST, None]


def test_busy_servers_are_asked_again_after_the_wait_that_they_state(download):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    download.fetch(
        Reply(status=429, content=b"", headers={"Retry-After": "7"}),
        Reply(status=503, content=b"", headers={"Retry-After": later}),
        Reply(status=500, content=b""),
    )

    first, second, third = download.waits
    assert (first, third) == (7.0, 8.0)
    assert 90 < second <= 100
    assert download.path.read_bytes() == FILE


def test_a_long_wait_is_left_to_the_user(download):
    with pytest.raises(DownloadError, match=r"429 .*fetch again later"):
        download.fetch(Reply(status=429, content=b"", headers={"Retry-After": "3600"}))
    assert download.waits == []


def test_attempts_without_a_new_byte_end(download):
    with pytest.raises(DownloadError, match=r"status 500 .*fetch again later$"):
        download.fetch(*[Reply(status=500, content=b"")] * 9)

    assert len(download.server.requests) == TRIES
    assert download.waits == [2.0, 4.0, 8.0]
    assert download.nothing_is_stored()


def test_attempts_that_begin_from_zero_each_time_end(download):
    with pytest.raises(DownloadError, match=rf"broke; .* after the first {CUT:,} bytes$"):
        download.fetch(*[Reply(ranges=False, cut=CUT)] * 9)
    assert len(download.server.requests) == TRIES + 1


def test_no_connection_is_an_error(download):
    port = free_port()
    with pytest.raises(DownloadError, match=rf"no connection to http://127.0.0.1:{port}/f \("):
        download.fetch(urls=[f"http://127.0.0.1:{port}/f"])
    assert len(download.waits) == TRIES - 1


@pytest.mark.parametrize(
    "reply", [Reply(HTML, headers={"Content-Type": "text/html"}), Reply(HTML), Reply(b"\x00\x01")]
)
def test_a_page_instead_of_the_file_is_an_error_and_leaves_the_part_alone(download, reply):
    with pytest.raises(DownloadError, match="page of a proxy"):
        download.fetch(reply)
    assert download.nothing_is_stored()

    download.break_off()
    with pytest.raises(DownloadError, match="page of a proxy"):
        download.fetch(Reply(reply.content, etag='"page"', headers=reply.headers))
    download.server.requests.clear()
    download.fetch()
    assert download.server.ranges == [REST]
    assert download.path.read_bytes() == FILE


def test_a_page_with_a_gzip_signature_of_html_type_is_an_error(download):
    with pytest.raises(DownloadError, match="text/html"):
        download.fetch(Reply(headers={"Content-Type": "text/html; charset=utf-8"}))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(FILE[:-50_000]), "breaks off"),
        (Reply(length=len(FILE) - 50_000), "breaks off"),
        (Reply(FILE[:-8] + b"\x00" * 8), "damaged"),
        (Reply(FILE + b"bytes that are no gzip"), "damaged"),
        (Reply(b""), "empty"),
    ],
)
def test_a_damaged_file_is_not_stored(download, reply, reason):
    with pytest.raises(DownloadError, match=reason):
        download.fetch(reply)
    assert download.nothing_is_stored()
    assert download.fetch() is True


def test_a_file_shorter_than_its_length_is_an_error(download):
    longer = Reply(length=len(FILE) + 10)
    with pytest.raises(DownloadError, match="broke"):
        download.fetch(*[longer] * 9)
    assert not download.path.exists()


def test_a_file_of_several_members_is_whole(download):
    members = gzip.compress(LINES[0]) + gzip.compress(LINES[1])
    download.fetch(Reply(members))
    assert gzip.decompress(download.path.read_bytes()) == LINES[0] + LINES[1]

    download.path.unlink()
    with pytest.raises(DownloadError, match="breaks off"):
        download.fetch(Reply(members[:-9], etag='"v2"'))


def checksums(content):
    """Return the headers in which servers state the checksum of a file."""
    md5, sha = (
        base64.b64encode(hashlib.new(a, content).digest()).decode() for a in ("md5", "sha256")
    )
    return {
        "Content-MD5": md5,
        "Digest": f"SHA-256={sha}",
        "Repr-Digest": f"sha-256=:{sha}:",
        "x-amz-checksum-sha256": sha,
        "x-goog-hash": f"crc32c=AAAAAA==,md5={md5}",
        "x-ms-blob-content-md5": md5,
    }


@pytest.mark.parametrize("name", checksums(b""))
def test_a_file_with_another_checksum_is_not_stored(download, name):
    with pytest.raises(DownloadError, match="checksum that its server states"):
        download.fetch(Reply(headers={name: checksums(OTHER)[name]}))
    assert download.nothing_is_stored()

    download.fetch(Reply(headers={name: checksums(FILE)[name]}))
    assert download.path.read_bytes() == FILE


def test_a_checksum_holds_for_a_file_that_came_in_two_parts(download):
    wrong = {"Digest": checksums(OTHER)["Digest"]}
    with pytest.raises(DownloadError, match="sha256 checksum"):
        download.fetch(Reply(cut=CUT, headers=wrong))


def test_the_checksum_of_a_part_is_ignored(download):
    md5 = checksums(OTHER)["Content-MD5"]
    assert download.fetch(Reply(cut=CUT), Reply(headers={"Content-MD5": md5}))


@pytest.mark.parametrize(
    "headers",
    [
        # Of an upload in parts, in hexadecimal digits, and of another kind.
        {"x-amz-checksum-sha256": checksums(OTHER)["x-amz-checksum-sha256"] + "-5"},
        {"Content-MD5": hashlib.md5(OTHER).hexdigest()},
        {"Digest": "unixsum=30637", "x-goog-hash": "crc32c=AAAAAA=="},
    ],
)
def test_a_checksum_of_an_unknown_form_is_ignored(download, headers):
    assert download.fetch(Reply(headers=headers))


def test_bytes_beyond_the_stated_length_are_not_taken(download):
    download.fetch(Reply(FILE + bytes(1_000_000), length=len(FILE)))
    assert download.path.read_bytes() == FILE


V = Version("http://host/f", '"1"', MODIFIED, 10)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"length": None}, True),
        ({"modified": ""}, True),
        ({"etag": ""}, True),
        ({"length": 11}, False),
        ({"etag": '"2"'}, False),
        ({"etag": "", "modified": ""}, False),
        ({"etag": "", "modified": "Mon, 01 Apr 2024 12:00:00 GMT"}, False),
        ({"url": "http://mirror/f"}, False),
    ],
)
def test_versions_are_the_same_only_if_that_is_certain(changes, same):
    assert V.matches(replace(V, **changes)) is same


def test_a_complete_file_is_not_downloaded_again(download):
    download.fetch()
    before = download.path.stat()
    steps = len(download.watcher.steps)

    assert download.fetch() is False
    assert download.path.stat() == before
    assert len(download.watcher.steps) == steps


def test_a_complete_file_of_a_server_without_validators_is_known_by_its_length(download):
    without = Reply(etag="", headers={"Last-Modified": ""})
    download.fetch(without)
    assert download.fetch(without) is False


def test_a_newer_version_replaces_a_fetched_file_even_after_a_break(download):
    download.fetch()
    newer = Reply(OTHER, etag='"v2"')
    broken = Reply(OTHER, etag='"v2"', cut=CUT)
    with pytest.raises(DownloadError):
        download.fetch(newer, broken, Reply(status=403, content=HTML))
    assert download.path.read_bytes() == FILE

    assert download.fetch(newer) is True
    assert download.server.ranges[-1] == REST
    assert download.path.read_bytes() == OTHER


@pytest.mark.parametrize("content", [FILE[:-1] + b"\x01", FILE[:-1], b"my own"])
def test_a_file_of_another_origin_is_not_replaced(download, content):
    download.path.parent.mkdir(parents=True)
    download.path.write_bytes(content)

    with pytest.raises(LandingError, match="move it away"):
        download.fetch()
    assert download.path.read_bytes() == content


def test_a_file_that_was_copied_by_hand_is_verified_and_then_known(download):
    download.path.parent.mkdir(parents=True)
    download.path.write_bytes(FILE)

    assert download.fetch() is False
    assert download.hidden() == [".f.jsonl.gz.json"]


def test_the_first_rows_are_taken_and_the_rest_is_not_downloaded(download):
    assert download.fetch(Reply(cut=CUT, holds=True), rows=1_000) is True

    assert gzip.decompress(download.path.read_bytes()) == b"".join(LINES[:1_000])
    assert len(download.server.requests) == 1
    assert ("download", 1_000, 1_000) in download.watcher.steps
    assert download.hidden() == [".f.jsonl.gz.json"]


def test_the_first_rows_continue_after_a_break(download):
    rows = 4_000
    with pytest.raises(DownloadError):
        download.fetch(Reply(cut=CUT), Reply(status=403, content=HTML), rows=rows)
    download.fetch(Reply(cut=100), rows=rows)

    assert gzip.decompress(download.path.read_bytes()) == b"".join(LINES[:rows])
    assert download.server.ranges == [None, REST, REST, f"bytes={CUT + 100}-"]
    assert ("download", rows, rows) in download.watcher.steps
    assert download.fetch(rows=rows) is False


def test_the_first_rows_start_from_zero_without_ranges(download):
    rows = 4_000
    download.fetch(Reply(cut=CUT), Reply(ranges=False), rows=rows)

    assert gzip.decompress(download.path.read_bytes()) == b"".join(LINES[:rows])
    assert ("download", rows, rows) in download.watcher.steps


def test_more_rows_than_there_are_take_all(download):
    download.fetch(rows=5_001)

    assert gzip.decompress(download.path.read_bytes()) == PLAIN
    assert "fewer than 5001 lines" in download.watcher.remarks[0]


@pytest.mark.parametrize("content", [FILE[:100] + bytes(9_000), FILE[:CUT]])
def test_the_first_rows_of_a_damaged_file_are_not_stored(download, content):
    with pytest.raises(DownloadError, match=r"damaged|breaks off"):
        download.fetch(Reply(content), rows=4_500)
    assert download.nothing_is_stored()


def test_uncompressed_lines_of_a_mirror_are_compressed(download):
    download.server.files = {"/f.jsonl": PLAIN}
    urls = [f"{download.server.url}/f.jsonl.gz", f"{download.server.url}/f.jsonl"]
    download.fetch(urls=urls)

    assert gzip.decompress(download.path.read_bytes()) == PLAIN
    assert download.fetch(urls=urls) is False
    assert download.hidden() == [".f.jsonl.gz.json"]


def test_uncompressed_lines_without_a_length_are_not_trusted(download):
    with pytest.raises(DownloadError, match="no length"):
        download.fetch(Reply(PLAIN, headers={"Content-Length": ""}))


def test_a_compressed_file_without_a_length_is_known_by_its_own_end(download):
    download.fetch(Reply(headers={"Content-Length": ""}))
    assert download.path.read_bytes() == FILE


def test_an_absent_file_is_an_error_without_a_trace(download):
    with pytest.raises(NotPublishedError, match=r"/x\?? ?answers with status 404|/x answers"):
        download.fetch(urls=[f"{download.server.url}/x?token=secret"])
    assert download.nothing_is_stored()


def test_a_redirect_is_followed(download):
    moved = {"Location": f"{download.server.url}/f.jsonl.gz"}
    download.fetch(Reply(b"", status=302, headers=moved), urls=[f"{download.server.url}/old"])
    assert download.path.read_bytes() == FILE


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/f", "data:,x"])
def test_a_redirect_to_no_web_address_is_an_error(download, target):
    with pytest.raises(DownloadError, match="redirect"):
        download.fetch(Reply(b"", status=302, headers={"Location": target}))


def test_a_redirect_never_leaves_an_encrypted_connection():
    redirects = _Redirects()
    secure = Request("https://host.example/f")
    with pytest.raises(DownloadError, match="would not be safe"):
        redirects.redirect_request(secure, None, 302, "", {}, "http://host.example/f")
    assert redirects.redirect_request(secure, None, 302, "", {}, "https://cdn.example/f")
    plain = Request("http://host.example/f")
    assert redirects.redirect_request(plain, None, 302, "", {}, "https://host.example/f")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://h/f", "h/f", "https://", "https://h:x/f", "https://h/a b", ""],
)
def test_only_web_addresses_are_requested(url):
    with pytest.raises(UsageError, match="not an address"):
        checked_url(url)


def test_a_password_in_an_address_is_neither_used_nor_shown():
    with pytest.raises(UsageError) as raised:
        checked_url("https://user:secret@host.example/f?key=secret")
    assert "secret" not in str(raised.value)


def test_a_proxy_of_the_environment_is_used(download, monkeypatch):
    monkeypatch.setenv("http_proxy", download.server.url)
    download.server.files = {"http://published.invalid/f.jsonl.gz": FILE}
    download.fetch(urls=["http://published.invalid/f.jsonl.gz"])
    assert download.path.read_bytes() == FILE


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that no bundle has, with its key."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout {file} -out {file}.crt",
        shell=True,
        check=True,
        capture_output=True,
    )
    file.write_bytes(file.read_bytes() + file.with_name("server.pem.crt").read_bytes())
    return file


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_must_be_in_the_bundle_of_the_environment(
    tmp_path, certificate, monkeypatch, variable
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with file_server() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.files = {"/f.jsonl.gz": FILE}
        download = Download(tmp_path, server)
        urls = [f"{server.url}/f.jsonl.gz".replace("http:", "https:")]

        with pytest.raises(DownloadError, match=r"certificate of .* SSL_CERT_FILE"):
            download.fetch(urls=urls)
        assert download.waits == []

        monkeypatch.setenv(variable, str(certificate))
        download.fetch(urls=urls)
    assert download.path.read_bytes() == FILE


def test_a_bundle_that_does_not_exist_is_an_error(download, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/does/not/exist.pem")
    with pytest.raises(SettingsError, match=r"REQUESTS_CA_BUNDLE: /does/not/exist.pem"):
        download.fetch(urls=[f"https://127.0.0.1:{free_port()}/f"])


def test_a_write_that_fails_is_an_error_and_the_next_call_continues(download):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CUT, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"AMAZON_REVIEWS_LANDING: .* a file of this size"):
            download.fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not download.path.exists()

    download.server.requests.clear()
    assert download.fetch() is True
    assert download.server.ranges == [REST]
    assert download.path.read_bytes() == FILE


def test_a_full_disk_is_named(download, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    download.watcher.advance = fail
    with pytest.raises(StorageError, match=r"LANDING: .* is too full .*continues from there"):
        download.fetch()


def test_a_file_that_cannot_fit_is_not_begun(download, monkeypatch):
    class Usage:
        free = 1_000

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(StorageError, match=r"LANDING: .* 1\.0 kB free, and about .* are needed"):
        download.fetch()
    assert len(download.server.requests) == 1


def test_a_folder_that_cannot_be_written_is_an_error(download):
    download.path.parent.parent.write_text("a file")
    with pytest.raises(LandingError, match="AMAZON_REVIEWS_LANDING"):
        download.fetch()


def test_two_processes_do_not_download_the_same_file(download):
    download.path.parent.mkdir(parents=True)
    with (
        FileLock(download.path.with_name(".f.jsonl.gz.lock")),
        pytest.raises(UsageError, match="another process"),
    ):
        # Of another thread, because a lock of the same one is granted.
        _in_thread(download.fetch)
    assert download.server.requests == []


def _in_thread(function):
    errors = []

    def call():
        try:
            function()
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    raise errors[0]
