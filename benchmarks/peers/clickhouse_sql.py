"""The batch job in ClickHouse: `python -m benchmarks.peers.clickhouse_sql LANDING OUT`.

ClickHouse runs in this process, through chdb.
"""

from pathlib import Path

from chdb import session

from benchmarks.peers import clickhouse_products, job
from benchmarks.peers import clickhouse_statements as sql
from benchmarks.peers.duckdb_statements import fill


class ClickHouseJob(job.Job):
    """The batch job in ClickHouse SQL."""

    differences = sql.DIFFERENCES

    def __init__(self, landing: Path, out: Path) -> None:
        super().__init__(landing, out)
        self._session = session.Session(str(out / "scratch"))
        for statement in (sql.SETTINGS, *sql.FUNCTIONS):
            self._session.query(statement)

    def build(self) -> int:
        """Build gold partition by partition."""
        products, reviews = self.partitions(job.PRODUCTS), self.partitions(job.REVIEWS)
        for name in reviews:
            with self.timed("bronze/reviews"):
                self._read_lines(job.REVIEWS, "reviews", name)
        with self.timed("products"):
            self._build_products(products)
        for name in reviews:
            with self.timed("silver/reviews"):
                self._build_silver_reviews(name)
        with self.timed("gold/reviews"):
            return self._build_gold_reviews(reviews)

    def _execute(self, statement: str, **values: object) -> None:
        self._session.query(fill(statement, **values))

    def _read_lines(self, dataset: str, noun: str, partition: str) -> None:
        files = f"{self.landing}/{dataset}/{partition}/*"
        self._execute(sql.READ_FILES, files=files, out=self.folder(f"bronze/{noun}/{partition}"))

    def _build_products(self, partitions: list[str]) -> None:
        silver = self.folder("silver/products")
        for name in partitions:
            self._read_lines(job.PRODUCTS, "products", name)
            bronze = self.folder(f"bronze/products/{name}")
            rejected = self.folder(f"silver/rejected/products/{name}")
            self._execute(clickhouse_products.TYPE_PRODUCTS, bronze=bronze)
            self._execute(sql.REJECT, table="product_lines", out=rejected)
            self._execute(clickhouse_products.CLEAN_PRODUCTS, out=silver, partition=name)
        self._rank(partitions)
        self._execute(clickhouse_products.GOLD_PRODUCTS, silver=silver)
        self._execute(clickhouse_products.WRITE_PRODUCTS, out=self.folder("gold/products"))

    def _build_silver_reviews(self, partition: str) -> None:
        rejected = self.folder(f"silver/rejected/reviews/{partition}")
        repeated = self.folder(f"silver/duplicates/reviews/{partition}")
        silver = self.folder("silver/reviews")
        self._execute(sql.TYPE_REVIEWS, bronze=self.folder(f"bronze/reviews/{partition}"))
        self._execute(sql.REJECT, table="typed", out=rejected)
        self._execute(sql.WINNERS)
        self._execute(sql.DUPLICATES, out=repeated)
        self._execute(sql.CLEAN_REVIEWS, out=silver, partition=partition)

    def _rank(self, partitions: list[str]) -> None:
        rows = ", ".join(f"({name!r}, {rank})" for rank, name in enumerate(partitions))
        self._execute(
            "CREATE OR REPLACE TABLE ranks ENGINE = Memory AS"
            f" SELECT * FROM values('partition String, rank UInt32', {rows})"
        )

    def _build_gold_reviews(self, partitions: list[str]) -> int:
        silver, gold = self.folder("silver/reviews"), self.folder("gold/reviews")
        self._rank(partitions)
        self._execute(sql.LOSERS, silver=silver)
        for name in partitions:
            self._execute(sql.GOLD_REVIEWS, silver=silver, out=gold, partition=name)
        rows = self._session.query(f"SELECT count() FROM file('{gold}/*.parquet', 'Parquet')")
        return int(str(rows))


if __name__ == "__main__":
    job.main(ClickHouseJob)
