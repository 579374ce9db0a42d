"""The batch job in Polars: `python -m benchmarks.peers.polars_frames LANDING OUT`.

Each step is a lazy frame that the streaming engine writes to Parquet files. Polars has no SHA-256;
the extension polars-hash has.
"""

import base64
import gzip
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import polars as pl

from benchmarks.peers import job, polars_products, polars_reviews
from benchmarks.peers.rules import COMMON_DIFFERENCES

_BLOCK_BYTES = 32 << 20
_PRODUCT_COLUMNS = (
    "asin title brand main_category categories price price_min price_max price_imputed"
).split()


class PolarsJob(job.Job):
    """The batch job in Polars."""

    differences = COMMON_DIFFERENCES

    def build(self) -> int:
        """Build gold partition by partition."""
        products, reviews = self.partitions(job.PRODUCTS), self.partitions(job.REVIEWS)
        for name in reviews:
            with self.timed("bronze/reviews"):
                self._read_lines(job.REVIEWS, "reviews", name)
        with self.timed("products"):
            for name in products:
                self._read_lines(job.PRODUCTS, "products", name)
                self._build_silver_products(name)
            silver = pl.scan_parquet(self.folder("silver/products"))
            best = polars_products.gold(silver, _ranks(products))
            best.sink_parquet(self.folder("gold/products") / "products.parquet")
        for name in reviews:
            with self.timed("silver/reviews"):
                self._build_silver_reviews(name)
        with self.timed("gold/reviews"):
            return self._build_gold_reviews(reviews)

    def _read_lines(self, dataset: str, noun: str, partition: str) -> None:
        """Read the files in parallel, in blocks."""
        bronze = self.folder(f"bronze/{noun}/{partition}")

        def read(number: int, path: Path) -> None:
            first = 1
            with gzip.open(path) as stream:
                for block in count():
                    lines = stream.readlines(_BLOCK_BYTES)
                    if not lines:
                        break
                    frame = _lines(lines, path.name, number, first)
                    frame.write_parquet(bronze / f"{number:04}_{block:06}.parquet")
                    first += len(lines)

        files = self.files(dataset, partition)
        with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
            list(pool.map(read, range(len(files)), files))

    def _build_silver_reviews(self, partition: str) -> None:
        """Parse each line once, and find duplicates by the narrow columns of the result."""
        bronze = pl.scan_parquet(self.folder(f"bronze/reviews/{partition}"))
        scratch = self.folder("scratch") / "typed.parquet"
        polars_reviews.typed(bronze).sink_parquet(scratch, compression="lz4")
        rows = pl.scan_parquet(scratch)
        accepted = rows.filter(pl.col("reason").is_null())
        winners = (
            accepted.group_by("review_id").agg(pl.col("place").min()).select("place").collect()
        )
        repeated = accepted.join(winners.lazy(), on="place", how="anti")
        kept = accepted.join(winners.lazy(), on="place", how="semi")
        self._reject(rows, "reviews", partition)
        repeated.select(pl.col("review_id").alias("id"), "file", "line").sink_parquet(
            self.folder(f"silver/duplicates/reviews/{partition}") / "repeated.parquet"
        )
        polars_reviews.cleaned(kept, partition).sink_parquet(
            self.folder("silver/reviews") / f"{partition}.parquet"
        )
        scratch.unlink()

    def _build_silver_products(self, partition: str) -> None:
        bronze = pl.scan_parquet(self.folder(f"bronze/products/{partition}"))
        typed = polars_products.typed(bronze).collect().lazy()
        rejected = typed.with_columns(rejected="raw")
        self._reject(rejected, "products", partition)
        accepted = typed.filter(pl.col("reason").is_null()).sort("place")
        kept = accepted.unique("line_id", keep="first", maintain_order=True)
        polars_products.cleaned(kept, partition).sink_parquet(
            self.folder("silver/products") / f"{partition}.parquet"
        )

    def _reject(self, rows: pl.LazyFrame, noun: str, partition: str) -> None:
        rejected = rows.filter(pl.col("reason").is_not_null())
        rejected.select(
            pl.col("rejected").alias("raw"), "encoding", "reason", "file", "line"
        ).sink_parquet(self.folder(f"silver/rejected/{noun}/{partition}") / "rejected.parquet")

    def _build_gold_reviews(self, partitions: list[str]) -> int:
        silver, folder = self.folder("silver/reviews"), self.folder("gold/reviews")
        products = pl.read_parquet(
            self.folder("gold/products") / "products.parquet", columns=_PRODUCT_COLUMNS
        )
        losers = _losers(pl.scan_parquet(silver), _ranks(partitions))
        for name in partitions:
            polars_reviews.gold(
                pl.scan_parquet(silver / f"{name}.parquet"),
                losers.lazy().filter(pl.col("partition") == name).select("review_id"),
                products.lazy(),
            ).sink_parquet(folder / f"{name}.parquet")
        return int(pl.scan_parquet(folder).select(pl.len()).collect().item())


def _lines(lines: list[bytes], file: str, number: int, first: int) -> pl.DataFrame:
    """Return a block of lines; those that are not UTF-8 are in Base64, since a text must be."""
    try:
        texts, encodings = (
            b"".join(lines).decode().split("\n")[: len(lines)],
            ["utf-8"] * len(lines),
        )
    except UnicodeDecodeError:
        texts, encodings = map(list, zip(*map(_text, lines), strict=True))
    frame = pl.DataFrame({"raw": texts, "encoding": encodings}).with_row_index("line", first)
    return frame.select(
        pl.col("raw").str.strip_chars_end("\r\n"),
        "encoding",
        pl.lit(file).alias("file"),
        pl.col("line").cast(pl.Int64),
        (pl.col("line").cast(pl.Int64) + number * 10**12).alias("place"),
    ).filter(pl.col("raw").str.strip_chars() != "")


def _text(line: bytes) -> tuple[str, str]:
    try:
        return line.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(line.rstrip(b"\r\n")).decode(), "base64"


def _ranks(partitions: list[str]) -> pl.LazyFrame:
    return pl.LazyFrame({"partition": partitions, "rank": range(len(partitions))})


def _losers(silver: pl.LazyFrame, ranks: pl.LazyFrame) -> pl.DataFrame:
    """Return the reviews that an earlier partition has, after a search by a 64-bit hash."""
    ids = silver.select("review_id", "partition")
    hashes = ids.select(pl.col("review_id").hash().alias("hash"))
    suspected = hashes.group_by("hash").len().filter(pl.col("len") > 1).select("hash").collect()
    narrow = (
        ids.with_columns(hash=pl.col("review_id").hash())
        .join(suspected.lazy(), on="hash", how="semi")
        .join(ranks, on="partition")
    )
    rank = pl.col("rank")
    return (
        narrow.filter(rank > rank.min().over("review_id"))
        .select("review_id", "partition")
        .collect()
    )


if __name__ == "__main__":
    job.main(PolarsJob)
