"""Look-ups read the tables in blocks: everything once, whatever the order of the requests."""

from bisect import bisect_left
from random import Random

import anyio
import orjson
import pytest
from fastapi import HTTPException

from amazon_reviews.serving.api import cache
from amazon_reviews.serving.api.cached_queries import Answers, Lookup

AT_ONCE = 10
KEYS = [f"{number:05}" for number in range(0, 4_000, 2)]


class Versions:
    """A warehouse that says what it holds; what is read of it, the look-up knows."""

    version = 1

    def versions(self):
        return {"gold/things": self.version}


class Reads:
    """A look-up in `KEYS` that counts what it reads."""

    def __init__(self):
        self.number = self.things = 0
        self.lookup = Lookup(("gold/things",), self._from)

    def _from(self, warehouse, first, before):
        at, end = bisect_left(KEYS, first), bisect_left(KEYS, before or "~")
        found = KEYS[at : min(end, at + AT_ONCE)]
        self.number += 1
        self.things += len(found)
        return ((key, {"key": key, "of": warehouse.version}) for key in found)


def ask(answers, reads, key):
    async def asked():
        return await answers.look_up(reads.lookup, key, f"no {key}")

    return orjson.loads(anyio.run(asked).body)


def test_everything_is_read_about_once():
    answers, reads = Answers(Versions(), 5), Reads()

    for key in Random(5).sample(KEYS, len(KEYS)):
        assert ask(answers, reads, key)["key"] == key

    # Blocks that begin at whatever is asked for would leave ever smaller gaps.
    assert reads.number < 2 * len(KEYS) / AT_ONCE
    assert reads.things < 1.2 * len(KEYS)


@pytest.mark.parametrize("key", ["", "00001", "01001", "~"])
def test_what_is_not_there_is_not_found(key):
    answers, reads = Answers(Versions(), 5), Reads()
    for known in KEYS[::7]:
        ask(answers, reads, known)

    with pytest.raises(HTTPException, match=f"no {key}"):
        ask(answers, reads, key)


def test_a_new_version_is_read_anew(monkeypatch):
    monkeypatch.setattr("amazon_reviews.serving.api.cached_queries.VERSIONS_EVERY", 0)
    warehouse, reads = Versions(), Reads()
    answers = Answers(warehouse, 5)
    assert ask(answers, reads, "00002")["of"] == 1
    warehouse.version = 2

    found = ask(answers, reads, "00002")

    assert (found["of"], found["versions"], reads.number) == (2, {"gold/things": 2}, 2)


def test_what_was_let_go_is_read_again(monkeypatch):
    monkeypatch.setattr("amazon_reviews.serving.api.cached_queries._KEPT_BYTES", 2_000)
    monkeypatch.setattr(cache, "_MOST_BLOCKS", 20)
    answers, reads = Answers(Versions(), 5), Reads()
    order = Random(6)

    for key in order.choices(KEYS, k=1_000):
        assert ask(answers, reads, key)["key"] == key
