"""Texts read into words, a whole block at a time.

A word is a run of letters and digits, or of meaningful signs: exclamation and question marks,
emoticons. It is identified by a 64-bit hash of its bytes. The hash is a polynomial, so that prefix
sums give the hash of every run in a block at once (Karp and Rabin, 1987). Upper and lower case are
the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Positions = NDArray[np.int64]

BLOCK_BYTES = 1 << 18

_LETTER, _SIGN, _STOP = 1, 2, 4
_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST_SIGNS = 3
_SCOPE = 4
_STEM = 5
_NEGATIONS = """
not no never nor none nothing neither nobody nowhere hardly barely without cannot cant dont doesnt
didnt isnt wasnt arent werent wont wouldnt couldnt shouldnt hasnt havent hadnt aint
""".split()


@dataclass(frozen=True)
class Words:
    """The words of a block in their order, one array element each.

    `starts` and `ends` are positions in the block's bytes, `piece` is the number of the piece.
    `negated` is True if the word follows a negation within four words of the same clause. `stems`
    are hashes of the first five bytes; `is_long` is True if there are more.
    """

    hashes: Hashes
    stems: Hashes
    is_long: NDArray[np.bool_]
    starts: Positions
    ends: Positions
    piece: Positions
    negated: NDArray[np.bool_]


@dataclass(frozen=True)
class Block:
    """Bytes of some pieces, and the offset of each; a last offset is the end."""

    data: NDArray[np.uint8]
    offsets: Positions


def blocks(pieces: pa.Array, in_group: int, most_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Cut a large_string array into blocks of about `most_bytes`, never within a group of pieces.

    Memory then depends on the longest group and not on the chunk.
    """
    _, offsets_buffer, data_buffer = pieces.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[pieces.offset :][: len(pieces) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)
    begin = 0
    while begin < len(pieces):
        fitting = int(np.searchsorted(offsets, offsets[begin] + most_bytes, "right")) - 1
        end = max(begin + in_group, min(fitting - fitting % in_group, len(pieces)))
        low, high = offsets[begin], offsets[end]
        yield Block(data[low:high], offsets[begin : end + 1] - low)
        begin = end


def read_words(block: Block) -> Words:
    """Return the words of a block."""
    kinds = _KINDS[block.data]
    starts, ends = _runs(kinds, block.offsets)
    hashes, stems = _hash_runs(block.data, starts, ends, np.minimum(ends, starts + _STEM))
    counts = np.diff(np.searchsorted(starts, block.offsets))
    piece = np.repeat(np.arange(len(counts)), counts)
    clause = np.cumsum(kinds & _STOP != 0, dtype=np.int32)[starts]
    negated = _follow_negation(hashes, piece, clause)
    return Words(hashes, stems, ends - starts > _STEM, starts, ends, piece, negated)


def mix(hashes: Hashes) -> Hashes:
    """Spread differences over all bits (the finalizer of MurmurHash3)."""
    mixed = hashes ^ (hashes >> np.uint64(33))
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xC4CEB9FE1A85EC53)
    mixed ^= mixed >> np.uint64(33)
    return mixed


def _kinds() -> NDArray[np.uint8]:
    kinds = np.zeros(256, np.uint8)
    kinds[128:] = _LETTER
    for signs, kind in ((b"!?", _SIGN | _STOP), (b".,;", _STOP), (b":()=", _SIGN)):
        kinds[list(signs)] = kind
    kinds[list(_LETTERS + _LETTERS.upper())] = _LETTER
    return kinds


def _values() -> Hashes:
    """Return a number for each byte, the same for a letter in both cases."""
    lower = np.arange(256, dtype=np.uint8)
    lower[ord("A") : ord("Z") + 1] += 32
    return mix((lower.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))


def _powers(base: int, count: int) -> Hashes:
    powers = np.full(count, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


_BASE = 0x5851F42D4C957F2D
_KINDS = _kinds()
_VALUES = _values()


class _Powers:
    """Powers of the base and of its inverse modulo 2^64, as many as the longest block needs."""

    up = _powers(_BASE, BLOCK_BYTES)
    down = _powers(pow(_BASE, -1, 1 << 64), BLOCK_BYTES)

    @classmethod
    def reach(cls, count: int) -> None:
        if count > len(cls.up):
            cls.up = _powers(_BASE, count)
            cls.down = _powers(pow(_BASE, -1, 1 << 64), count)


def _runs(kinds: NDArray[np.uint8], offsets: Positions) -> tuple[Positions, Positions]:
    marks = kinds & (_LETTER | _SIGN)
    changes = np.empty(len(marks), np.bool_)
    changes[:1] = True
    np.not_equal(marks[1:], marks[:-1], out=changes[1:])
    changes[offsets[offsets < len(marks)]] = True
    begins = np.flatnonzero(changes)
    ends = np.append(begins[1:], len(marks))
    of_signs = marks[begins] == _SIGN
    meaningful = (ends - begins > 1) | (kinds[begins] & _STOP != 0)
    is_word = (marks[begins] == _LETTER) | (of_signs & meaningful)
    shortened = np.where(of_signs, np.minimum(ends, begins + _LONGEST_SIGNS), ends)
    return begins[is_word], shortened[is_word]


def _hash_runs(data: NDArray[np.uint8], starts: Positions, *ends: Positions) -> list[Hashes]:
    """Return the hashes of the runs from `starts` to each of several arrays of ends."""
    _Powers.reach(len(data))
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(_VALUES[data] * _Powers.up[: len(data)], out=sums[1:])
    return [mix((sums[end] - sums[starts]) * _Powers.down[starts]) for end in ends]


def _follow_negation(
    hashes: Hashes, piece: Positions, clause: NDArray[np.int32]
) -> NDArray[np.bool_]:
    place = np.arange(len(hashes))
    last = np.maximum.accumulate(np.where(_are_negations(hashes), place, -1))
    before = np.append(-1, last)[: len(hashes)]
    same = (piece[before] == piece) & (clause[before] == clause)
    return (before >= 0) & (place - before <= _SCOPE) & same


def _are_negations(hashes: Hashes) -> NDArray[np.bool_]:
    # A table of prefixes rules out nearly all words before the slow look-up.
    are_negations = _NEGATION_PREFIXES[hashes >> np.uint64(48)]
    are_negations[are_negations] = np.isin(hashes[are_negations], _NEGATION_HASHES)
    return are_negations


def _hashes_of(words: list[str]) -> Hashes:
    encoded = [word.encode() for word in words]
    ends = np.cumsum([len(word) for word in encoded])
    starts = np.append(0, ends[:-1])
    return _hash_runs(np.frombuffer(b"".join(encoded), np.uint8), starts, ends)[0]


_NEGATION_HASHES = _hashes_of(_NEGATIONS)
_NEGATION_PREFIXES = np.zeros(1 << 16, np.bool_)
_NEGATION_PREFIXES[_NEGATION_HASHES >> np.uint64(48)] = True
