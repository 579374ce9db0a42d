"""The encoding of a text file, found from its first bytes, and its text as UTF-8."""

import codecs
import re
from collections.abc import Iterable, Iterator

from amazon_reviews.errors import LandingError

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_WIDE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_MULTIPLE_BYTES = ("utf-16-le", "utf-16-be", "shift_jis", "cp932", "gb18030", "gbk", "big5",
                   "euc_jp", "euc_kr")  # fmt: skip
_FEWEST_UNITS = 4


def find_charset(head: bytes, path: str) -> tuple[str, int]:
    """Return the charset that a byte order mark or zero bytes show, and the length of the mark.

    UTF-8 stands for every text without them.

    Raises:
        LandingError: the text is in UTF-32.
    """
    if head.startswith((codecs.BOM_UTF32_BE, codecs.BOM_UTF32_LE)):
        raise LandingError(f"{path} is text in UTF-32; upload it as UTF-8")
    for mark, charset in _MARKS.items():
        if head.startswith(mark):
            return charset, len(mark)
    return _without_mark(head), 0


def _without_mark(head: bytes) -> str:
    """Return UTF-16 if about every other byte is zero, as in text of mostly Latin letters."""
    units = len(head) // 2
    first, second = (head[at : 2 * units : 2].count(0) for at in (0, 1))
    if units < _FEWEST_UNITS or min(first, second) * 10 > max(first, second):
        return "utf-8"
    if 2 * max(first, second) <= units:
        return "utf-8"
    return "utf-16-le" if second > first else "utf-16-be"


def is_windows_1252(head: bytes, *, whole: bool) -> bool:
    """Return True if text has bytes above 127, and none of them form a character of UTF-8.

    If `head` is not the `whole` text, its last character may be cut off.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, whole)
    except UnicodeDecodeError:
        return not _WIDE.search(head)
    return False


def known_charset(name: str, path: str) -> str:
    """Return the charset of this name, as `FileFormat` writes it.

    Raises:
        LandingError: it is unknown, or text in it cannot be split into lines.
    """
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        known = ""
    known = {"cp1252": "windows-1252", "utf-8-sig": "utf-8"}.get(known, known)
    if (
        known in ("utf-8", "windows-1252")
        or known in _MULTIPLE_BYTES
        or (known and _is_single_byte(known))
    ):
        return known
    raise LandingError(
        f"{path}: the charset {name!r} is not supported; use utf-8, utf-16-le, utf-16-be, "
        "windows-1252, iso-8859-1 or another charset of one byte per character"
    )


def _is_single_byte(charset: str) -> bool:
    if not charset.startswith(("cp", "iso8859", "koi8", "mac", "ascii", "hp", "kz", "ptcp", "tis")):
        return False
    ascii_bytes = bytes(range(128))
    try:
        every = bytes(range(256)).decode(charset, "replace")
        return len(every) == 256 and ascii_bytes.decode(charset).encode("ascii") == ascii_bytes
    except UnicodeError:
        return False


def decodes_before_lines(charset: str) -> bool:
    """Return True if a line feed or delimiter may be part of a character's bytes."""
    return charset in _MULTIPLE_BYTES


def decoded(
    blocks: Iterable[bytes], charset: str, path: str, *, whole: bool = True
) -> Iterator[bytes]:
    """Yield text as UTF-8; if it is not the `whole` text, its last character may be cut off.

    Raises:
        LandingError: the bytes are not text of this charset.
    """
    decoder = codecs.getincrementaldecoder(charset)()
    try:
        for block in blocks:
            yield decoder.decode(block).encode()
        decoder.decode(b"", whole)
    except UnicodeError as error:
        raise LandingError(
            f"{path} is not text in {charset} ({error}); upload it again, as UTF-8"
        ) from None


def as_utf8(text: bytes, charset: str) -> bytes:
    """Return text of a charset as UTF-8; unchanged if a byte is no character of the charset."""
    if text.isascii():
        return text
    try:
        return text.decode(charset).encode()
    except UnicodeDecodeError:
        return text
