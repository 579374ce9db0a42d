"""Reviews as rows of hashed features, built block by block."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from amazon_reviews.models.sentiment.texts import Texts, pieces
from amazon_reviews.models.sentiment.words import Block, Hashes, Words, blocks, mix, read_words

IN_A_REVIEW = 2
"""Pieces of a review: its summary and its text."""

_START = np.uint64(0x2545F4914F6CDD1D)
_PAIR, _NEGATED, _SUMMARY, _STEM = mix(np.arange(1, 5, dtype=np.uint64))


@dataclass(frozen=True)
class Features:
    """Hashed features of reviews: words and pairs of words, also marked by their place.

    There are 2 ** `bits` slots. Words with the same slot are the same feature.
    """

    bits: int = 20

    def matrix(self, summaries: Texts, texts: Texts) -> sp.csr_array:
        """Return counts of slots: reviews × 2 ** bits, float32, sorted indices, no duplicates.

        Raises:
            ValueError: the numbers of texts and summaries differ.
        """
        return self.matrix_of(pieces(summaries, texts))

    def matrix_of(self, texts: pa.Array) -> sp.csr_array:
        """Return the counts of slots of reviews that are split into pieces."""
        parts = [self._block(block) for block in blocks(texts, IN_A_REVIEW)]
        rows = sum(len(lengths) for _, _, lengths in parts)
        empty = (np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))
        slots, counts, lengths = (
            np.concatenate(arrays) for arrays in zip(*parts or [empty], strict=True)
        )
        starts = np.append(0, np.cumsum(lengths)).astype(np.int32)
        return sp.csr_array((counts, slots, starts), shape=(rows, 1 << self.bits))

    def _block(self, block: Block) -> tuple[NDArray, NDArray, NDArray]:
        """Return slots, counts, and the number of slots of each review."""
        words = read_words(block)
        row = (words.piece // IN_A_REVIEW).astype(np.uint64) << np.uint64(self.bits)
        shift = np.uint64(64 - self.bits)
        slots = [(family.hashes >> shift) | row[family.of] for family in families(words)]
        keys = np.sort(np.concatenate(slots))
        firsts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
        counts = np.diff(np.append(firsts, len(keys))).astype(np.float32)
        distinct = keys[firsts]
        reviews = (len(block.offsets) - 1) // IN_A_REVIEW
        ends = np.arange(1, reviews + 1, dtype=np.uint64) << np.uint64(self.bits)
        lengths = np.diff(np.searchsorted(distinct, ends), prepend=0)
        # The high bits of a key are the review, the low ones the slot.
        slot_of = (distinct & np.uint64((1 << self.bits) - 1)).astype(np.int32)
        return slot_of, counts, lengths


@dataclass(frozen=True)
class Family:
    """Features of one kind: their hashes, and the last word of each, `of`.

    `reach` is the number of words before that one in the feature. The words of a marked family are
    also in an unmarked one. Those of a negated family follow a negation.
    """

    hashes: Hashes
    of: NDArray[np.intp]
    reach: int = 0
    is_marked: bool = False
    is_negated: bool = False


def families(words: Words) -> Iterator[Family]:
    """Yield all features of a block.

    These are words and pairs, the same again in summaries and after negations, and the stems of
    long words.
    """
    everywhere = np.arange(len(words.hashes))
    of_summary = np.flatnonzero(words.piece % IN_A_REVIEW == 0)
    negated = np.flatnonzero(words.negated)
    for reach, hashes in enumerate((words.hashes, _pairs(words))):
        yield Family(hashes, everywhere, reach)
        yield Family(mix(hashes[of_summary] ^ _SUMMARY), of_summary, reach, is_marked=True)
        after = mix(hashes[negated] ^ _NEGATED)
        yield Family(after, negated, reach, is_marked=True, is_negated=True)
    long = np.flatnonzero(words.is_long)
    yield Family(mix(words.stems[long] ^ _STEM), long, is_marked=True)


def _pairs(words: Words) -> Hashes:
    """Return the hash of each word and the one before it, or the beginning of its piece."""
    hashes, piece = words.hashes, words.piece
    begins = np.append(True, piece[1:] != piece[:-1])[: len(piece)]
    before = np.where(begins, _START, np.append(_START, hashes[:-1])[: len(hashes)])
    return mix(before * _PAIR + hashes)


@dataclass(frozen=True)
class Weighting:
    """Inverse document frequencies: one weight for each slot, float32."""

    idf: NDArray[np.float32]

    @classmethod
    def of(cls, counts: sp.csr_array) -> "Weighting":
        """Return 1 + log((1 + reviews) / (1 + reviews with the slot)), as in scikit-learn."""
        document_counts = np.bincount(counts.indices, minlength=counts.shape[1])
        return cls((1 + np.log((1 + counts.shape[0]) / (1 + document_counts))).astype(np.float32))

    def apply(self, counts: sp.csr_array) -> sp.csr_array:
        """Return rows (1 + log count) · idf of length 1, and a last column of ones."""
        values = (1 + np.log(counts.data)) * self.idf[counts.indices]
        lengths = np.sqrt(np.add.reduceat(np.append(values**2, 0), counts.indptr[:-1]))
        filled = np.diff(counts.indptr)
        values /= np.repeat(np.where(filled > 0, lengths, 1), filled).astype(np.float32)
        return _with_constant(sp.csr_array((values, counts.indices, counts.indptr), counts.shape))


def _with_constant(rows: sp.csr_array) -> sp.csr_array:
    count, width = rows.shape
    places = rows.indptr[1:]
    return sp.csr_array(
        (
            np.insert(rows.data, places, np.float32(1)),
            np.insert(rows.indices, places, np.int32(width)),
            rows.indptr + np.arange(count + 1, dtype=rows.indptr.dtype),
        ),
        shape=(count, width + 1),
    )
