"""The lines of a file, in blocks that are bounded by rows and by bytes."""

from collections.abc import Iterable, Iterator

from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.source_files.formats import BLOCK_ROWS, LONGEST_LINE_BYTES, Blocks


def lines_of(blocks: Iterable[bytes], path: str) -> Blocks:
    """Yield the lines of a text that comes in blocks, with their numbers, blank ones too.

    Raises:
        LandingError: a line has no end.
    """
    for start, lines in _parts(blocks, path):
        yield list(enumerate(lines, start))


def filled_lines(blocks: Iterable[bytes], path: str) -> Blocks:
    """Yield the lines that are more than white space; see `lines_of`."""
    for start, lines in _parts(blocks, path):
        yield [numbered for numbered in enumerate(lines, start) if numbered[1].strip()]


def _parts(blocks: Iterable[bytes], path: str) -> Iterator[tuple[int, list[bytes]]]:
    """Yield lists of lines, each with the number of its first one."""
    start = 1
    for lines in _lines(blocks, path):
        for at in range(0, len(lines), BLOCK_ROWS):
            yield start + at, lines[at : at + BLOCK_ROWS]
        start += len(lines)


def _lines(blocks: Iterable[bytes], path: str) -> Iterator[list[bytes]]:
    rest: list[bytes] = []
    size = 0
    number = 1
    for block in blocks:
        *lines, last = block.split(b"\n")
        if lines:
            lines[0] = b"".join([*rest, lines[0]])
            rest, size = [], 0
        rest.append(last)
        size += len(last)
        if max(size, len(lines[0]) if lines else 0) > LONGEST_LINE_BYTES:
            raise LandingError(
                f"{path}: line {number} is longer than {LONGEST_LINE_BYTES >> 20} MiB; this is not "
                "a file of lines"
            )
        if lines:
            yield lines
            number += len(lines)
    if last_line := b"".join(rest):
        yield [last_line]
