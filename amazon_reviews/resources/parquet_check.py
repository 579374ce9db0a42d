"""Decoding of a complete Parquet file, to find out if it is damaged."""

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

_BATCH_ROWS = 8_192
_BUFFER_BYTES = 1 << 20


def decoded_rows(file: BinaryIO | pa.NativeFile) -> int:
    """Return the number of rows of a Parquet file after decoding all of its values.

    Pages are compared with their checksums where the writer has stored some. Little of the file is
    in memory at a time.

    Raises:
        OSError, ArrowException: the file is damaged.
    """
    parquet = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, page_checksum_verification=True)
    rows = sum(batch.num_rows for batch in parquet.iter_batches(_BATCH_ROWS))
    if rows != parquet.metadata.num_rows:
        raise pa.ArrowInvalid(f"it has {rows:,} rows, its end says {parquet.metadata.num_rows:,}")
    return rows
