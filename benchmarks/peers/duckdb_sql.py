"""The batch job in DuckDB: `python -m benchmarks.peers.duckdb_sql LANDING OUT`.

Prints JSON: rows in gold, and the seconds and processor seconds of each step.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from benchmarks.peers import duckdb_products, job
from benchmarks.peers import duckdb_statements as sql

MEMORY_LIMIT = "3GB"


class DuckDBJob(job.Job):
    """The batch job in DuckDB SQL."""

    differences = sql.DIFFERENCES

    def __init__(self, landing: Path, out: Path) -> None:
        super().__init__(landing, out)
        self._db = duckdb.connect(
            str(out / "job.duckdb"),
            config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(out / "spill")},
        )
        self._db.execute(sql.MACROS)

    def build(self) -> int:
        """Build gold partition by partition."""
        products, reviews = self.partitions(job.PRODUCTS), self.partitions(job.REVIEWS)
        for name in reviews:
            with self.timed("bronze/reviews"):
                self._read_lines(job.REVIEWS, "reviews", name)
        for name in products:
            with self.timed("products"):
                self._read_lines(job.PRODUCTS, "products", name)
                self._build_silver_products(name)
        # From here on, the position of a row is a column, so DuckDB need not preserve the order.
        self._db.execute("SET preserve_insertion_order = false")
        for name in reviews:
            with self.timed("silver/reviews"):
                self._build_silver_reviews(name)
        with self.timed("products"):
            self._rank(products)
            silver, out = self.folder("silver/products"), self.folder("gold/products")
            self._db.execute(sql.fill(duckdb_products.GOLD_PRODUCTS, silver=silver, out=out))
        with self.timed("gold/reviews"):
            return self._build_gold_reviews(reviews)

    def _read_lines(self, dataset: str, noun: str, partition: str) -> None:
        """Read the files in parallel, since a compressed file uses only one thread."""
        bronze = self.folder(f"bronze/{noun}/{partition}")
        rejected = self.folder(f"silver/rejected/{noun}/{partition}")

        def read(number: int, path: Path) -> None:
            names = {"name": path.name, "path": path, "at": number}
            names["number"] = f"{noun}_{partition}_{number}"
            with self._db.cursor() as cursor:
                cursor.execute(sql.fill(sql.READ_FILE, out=bronze, **names))
                cursor.execute(sql.fill(sql.NOT_UTF8, out=rejected, **names))

        files = self.files(dataset, partition)
        with ThreadPoolExecutor() as pool:
            list(pool.map(read, range(len(files)), files))

    def _build_silver_reviews(self, partition: str) -> None:
        bronze = self.folder(f"bronze/reviews/{partition}")
        rejected = self.folder(f"silver/rejected/reviews/{partition}")
        repeated = self.folder(f"silver/duplicates/reviews/{partition}")
        silver = self.folder("silver/reviews")
        self._db.execute(sql.fill(sql.TYPE_REVIEWS, bronze=bronze))
        self._db.execute(sql.fill(sql.REJECT, out=rejected))
        self._db.execute(sql.WINNERS)
        self._db.execute(sql.fill(sql.DUPLICATES, out=repeated))
        self._db.execute(sql.fill(sql.CLEAN_REVIEWS, out=silver, partition=partition))

    def _build_silver_products(self, partition: str) -> None:
        bronze = self.folder(f"bronze/products/{partition}")
        rejected = self.folder(f"silver/rejected/products/{partition}")
        silver = self.folder("silver/products")
        self._db.execute(sql.fill(duckdb_products.TYPE_PRODUCTS, bronze=bronze))
        self._db.execute(sql.fill(duckdb_products.REJECT_PRODUCTS, out=rejected))
        self._db.execute(sql.fill(duckdb_products.CLEAN_PRODUCTS, out=silver, partition=partition))

    def _rank(self, partitions: list[str]) -> None:
        self._db.execute("CREATE OR REPLACE TEMP TABLE ranks (partition VARCHAR, rank INTEGER)")
        ranked = [(name, rank) for rank, name in enumerate(partitions)]
        self._db.executemany("INSERT INTO ranks VALUES (?, ?)", ranked)

    def _build_gold_reviews(self, partitions: list[str]) -> int:
        """Build gold, and return its rows as counted from the written files."""
        silver, gold = self.folder("silver/reviews"), self.folder("gold/reviews")
        self._rank(partitions)
        self._db.execute(sql.fill(sql.LOSERS, silver=silver))
        for name in partitions:
            self._db.execute(sql.fill(sql.GOLD_REVIEWS, silver=silver, out=gold, partition=name))
        count = self._db.execute(f"SELECT count(*) FROM read_parquet('{gold}/*.parquet')")
        return int((count.fetchone() or (0,))[0])


if __name__ == "__main__":
    job.main(DuckDBJob)
