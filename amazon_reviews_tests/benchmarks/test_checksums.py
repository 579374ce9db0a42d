"""Checksums of generated landing zones."""

import gzip
import json

import pytest

from benchmarks import batch
from benchmarks.checksums import ChecksumError, check, checksum

SIZE = (2, 1, "amazon_2018")


def _landing(folder, content, level=9):
    path = folder / "amazon_reviews" / "partition_1" / "part-0.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(content, level))
    return folder


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "kept.json"
    landing = _landing(tmp_path / "expected", b"{}\n" * 100)
    path.write_text(json.dumps({"amazon_2018, 2 reviews, 1 partitions": checksum(landing)}))
    return path


def test_kept_content_passes_however_it_is_compressed(tmp_path, kept):
    landing = _landing(tmp_path / "landing", b"{}\n" * 100, level=1)

    assert check(landing, *SIZE, kept) == f"{checksum(landing)}, as kept"


def test_other_content_is_an_error_that_names_both_sums(tmp_path, kept):
    landing = _landing(tmp_path / "landing", b"[]\n" * 100)
    (expected,) = json.loads(kept.read_text()).values()

    with pytest.raises(ChecksumError, match=f"expected SHA-256 {expected}, found") as error:
        check(landing, *SIZE, kept)
    assert checksum(landing) in str(error.value)


def test_size_without_a_kept_sum_is_named(tmp_path, kept):
    landing = _landing(tmp_path / "landing", b"[]\n")

    assert check(landing, 3, 1, "amazon_2018", kept) == f"{checksum(landing)}, not a kept sum"


def test_generator_makes_the_content_of_the_kept_sum(tmp_path):
    landing = batch.landing_zone(tmp_path / "landing", 100_000, 2, lambda _: None)

    assert landing.checksum.endswith(", as kept")
