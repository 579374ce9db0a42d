"""The format of a source file: what its content shows, and what a user fixes in advance."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Container = Literal["json", "delimited", "parquet", "avro", "python", "paragraphs"]

Numbered = tuple[int, bytes]
"""A line or record with its number, from 1."""

Blocks = Iterator[list[Numbered]]
"""Records in their order, in lists that are bounded by rows and by bytes."""

BLOCK_ROWS = 65_536
BLOCK_BYTES = 8 * 1024 * 1024
LONGEST_LINE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """The format of a source file.

    Attributes:
        container: what the file consists of.
        compression: "", gzip, zstd or bzip2.
        charset: encoding of the text, such as utf-8, utf-16-le or windows-1252.
        delimiter: character between the fields of a delimited file.
        quote: character around fields of a delimited file; None if quotes are text.
        header: names of the columns of a delimited file.
    """

    container: Container
    compression: str = ""
    charset: str = "utf-8"
    delimiter: str | None = None
    quote: str | None = None
    header: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The format of a file as far as a user states it; None means that its content decides.

    A delimiter, a quote or columns make the file a delimited one.

    Attributes:
        charset: encoding of the text.
        delimiter: character between fields.
        quote: character around fields; "" means that quotes are text.
        columns: names of the columns of a file without a header.
    """

    charset: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for character in filter(None, (self.delimiter, self.quote)):
            if len(character) > 1 or not character.isascii() or character in "\r\n":
                raise ValueError(f"{character!r} is not one ASCII character within a line")
        if self.delimiter and self.delimiter == self.quote:
            raise ValueError(f"{self.quote!r} cannot be both the delimiter and the quote")

    @property
    def delimited(self) -> bool:
        """True if the file is read as a delimited one."""
        return any(fixed is not None for fixed in (self.delimiter, self.quote, self.columns))
