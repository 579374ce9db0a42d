"""The batch job in DuckDB: `python -m benchmarks.peers.duckdb_sql LANDING OUT`.

Prints JSON: rows in gold, and the seconds and processor seconds of each step.
"""

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb

from benchmarks.peers import duckdb_products
from benchmarks.peers import duckdb_statements as sql

MEMORY_LIMIT = "3GB"


class Stages:
    """Seconds of each step, summed over the partitions."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of the block to the step `name`."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - wall
        self.cpu_seconds[name] = self.cpu_seconds.get(name, 0) + time.process_time() - cpu


class Job:
    """The batch job over a landing zone; every table is a folder of Parquet files below `out`."""

    def __init__(self, landing: Path, out: Path) -> None:
        self._landing, self._out = landing, out
        self._stages = Stages()
        out.mkdir(parents=True)
        self._db = duckdb.connect(
            str(out / "job.duckdb"),
            config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(out / "spill")},
        )
        self._db.execute(sql.MACROS)

    def run(self) -> dict[str, object]:
        """Build gold from the landing zone, partition by partition."""
        products = self._partitions("amazon_metadata")
        reviews = self._partitions("amazon_reviews")
        for name in reviews:
            with self._stages.timed("bronze/reviews"):
                self._read_lines("amazon_reviews", "reviews", name)
        for name in products:
            with self._stages.timed("products"):
                self._read_lines("amazon_metadata", "products", name)
                self._build_silver_products(name)
        # From here on, the position of a row is a column, so DuckDB need not preserve the order.
        self._db.execute("SET preserve_insertion_order = false")
        for name in reviews:
            with self._stages.timed("silver/reviews"):
                self._build_silver_reviews(name)
        with self._stages.timed("products"):
            self._rank(products)
            out = self._folder("gold/products")
            self._db.execute(
                sql.fill(
                    duckdb_products.GOLD_PRODUCTS, silver=self._folder("silver/products"), out=out
                )
            )
        with self._stages.timed("gold/reviews"):
            rows = self._build_gold_reviews(reviews)
        return {"rows": rows, "seconds": self._stages.seconds, "cpu": self._stages.cpu_seconds}

    def _partitions(self, dataset: str) -> list[str]:
        names = [path.name for path in (self._landing / dataset).iterdir()]
        return sorted(names, key=lambda name: int(name.removeprefix("partition_")))

    def _folder(self, name: str) -> Path:
        folder = self._out / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _read_lines(self, dataset: str, noun: str, partition: str) -> None:
        """Read the files in parallel, since a compressed file uses only one thread."""
        bronze = self._folder(f"bronze/{noun}/{partition}")
        rejected = self._folder(f"silver/rejected/{noun}/{partition}")

        def read(number: int, path: Path) -> None:
            names = {"name": path.name, "path": path, "at": number}
            names["number"] = f"{noun}_{partition}_{number}"
            with self._db.cursor() as cursor:
                cursor.execute(sql.fill(sql.READ_FILE, out=bronze, **names))
                cursor.execute(sql.fill(sql.NOT_UTF8, out=rejected, **names))

        files = sorted((self._landing / dataset / partition).iterdir())
        with ThreadPoolExecutor() as pool:
            list(pool.map(read, range(len(files)), files))

    def _build_silver_reviews(self, partition: str) -> None:
        bronze = self._folder(f"bronze/reviews/{partition}")
        rejected = self._folder(f"silver/rejected/reviews/{partition}")
        repeated = self._folder(f"silver/duplicates/reviews/{partition}")
        silver = self._folder("silver/reviews")
        self._db.execute(sql.fill(sql.TYPE_REVIEWS, bronze=bronze))
        self._db.execute(sql.fill(sql.REJECT, out=rejected))
        self._db.execute(sql.WINNERS)
        self._db.execute(sql.fill(sql.DUPLICATES, out=repeated))
        self._db.execute(sql.fill(sql.CLEAN_REVIEWS, out=silver, partition=partition))

    def _build_silver_products(self, partition: str) -> None:
        bronze = self._folder(f"bronze/products/{partition}")
        rejected = self._folder(f"silver/rejected/products/{partition}")
        silver = self._folder("silver/products")
        self._db.execute(sql.fill(duckdb_products.TYPE_PRODUCTS, bronze=bronze))
        self._db.execute(sql.fill(duckdb_products.REJECT_PRODUCTS, out=rejected))
        self._db.execute(sql.fill(duckdb_products.CLEAN_PRODUCTS, out=silver, partition=partition))

    def _rank(self, partitions: list[str]) -> None:
        self._db.execute("CREATE OR REPLACE TEMP TABLE ranks (partition VARCHAR, rank INTEGER)")
        ranked = [(name, rank) for rank, name in enumerate(partitions)]
        self._db.executemany("INSERT INTO ranks VALUES (?, ?)", ranked)

    def _build_gold_reviews(self, partitions: list[str]) -> int:
        """Build gold, and return its rows as counted from the written files."""
        silver, gold = self._folder("silver/reviews"), self._folder("gold/reviews")
        self._rank(partitions)
        self._db.execute(sql.fill(sql.LOSERS, silver=silver))
        for name in partitions:
            self._db.execute(sql.fill(sql.GOLD_REVIEWS, silver=silver, out=gold, partition=name))
        count = self._db.execute(f"SELECT count(*) FROM read_parquet('{gold}/*.parquet')")
        return int((count.fetchone() or (0,))[0])


def main() -> None:
    """Run the job on the folders of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("landing", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    print(json.dumps(Job(arguments.landing, arguments.out).run()))


if __name__ == "__main__":
    main()
