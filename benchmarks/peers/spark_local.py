"""The batch job on JVM Spark: `python -m benchmarks.peers.spark_local LANDING OUT`.

It runs the project's transforms on `local[2]`, with Parquet files as tables. Prints JSON like the
other peers. A single task reads a file, since gzip cannot be split. Within a file,
`monotonically_increasing_id` therefore counts the lines from 0.
"""

from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS, Dataset
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.vocabulary import ORIGIN
from amazon_reviews.transforms.lines import parse_lines, repeated_lines
from amazon_reviews.transforms.prices import impute_prices
from amazon_reviews.transforms.products import best_products
from amazon_reviews.transforms.rejection import REJECTION_COLUMNS
from amazon_reviews.transforms.reviews import gold_reviews
from benchmarks.peers import job


class SparkJob(job.Job):
    """The batch job with the project's transforms on JVM Spark."""

    def __init__(self, landing: Path, out: Path) -> None:
        super().__init__(landing, out)
        with self.timed("session"):
            self._spark = _session()

    def build(self) -> int:
        """Build gold partition by partition."""
        for name in self.partitions(job.REVIEWS):
            self._ingest(REVIEWS, name)
        for name in self.partitions(job.PRODUCTS):
            self._ingest(PRODUCTS, name)
            self._build_silver(PRODUCTS, name)
        for name in self.partitions(job.REVIEWS):
            self._build_silver(REVIEWS, name)
        with self.timed("gold/products"):
            best = best_products(self._read("silver/products"), self._ranks(job.PRODUCTS))
            impute_prices(best).write.parquet(self._path("gold/products"))
        with self.timed("gold/reviews"):
            self._build_gold_reviews()
        rows = self._read("gold/reviews").count()
        self._spark.stop()
        # The clock of this process does not see the processor time of the JVM.
        self.cpu_seconds.clear()
        return rows

    def _path(self, name: str) -> str:
        return str(self.out / name)

    def _read(self, key: str) -> DataFrame:
        return self._spark.read.parquet(self._path(key))

    def _write(self, frame: DataFrame, key: str, partition: str) -> None:
        """Write a folder for the partition, with the column in its name as in a Delta table."""
        folder = f"{self._path(key)}/partition={partition}"
        frame.drop("partition").write.option("compression", "zstd").parquet(folder)

    def _ingest(self, dataset: Dataset, partition: str) -> None:
        with self.timed(dataset.bronze):
            files = self.files(dataset.folder, partition)
            lines = reduce(DataFrame.unionByName, map(self._lines, files))
            self._write(lines, dataset.bronze, partition)

    def _lines(self, file: Path) -> DataFrame:
        text = F.col("value")
        valid = F.is_valid_utf8(text)
        return (
            self._spark.read.text(str(file))
            .select("value", (F.monotonically_increasing_id() + 1).alias("line"))
            .where(F.trim(text) != "")
            .select(
                F.when(valid, text).otherwise(F.base64(text.cast("binary"))).alias("raw"),
                F.when(valid, "utf-8").otherwise("base64").alias("encoding"),
                F.lit(file.name).alias("file"),
                "line",
            )
        )

    def _build_silver(self, dataset: Dataset, partition: str) -> None:
        """Build silver as the project does: each line is parsed once."""
        with self.timed(dataset.silver):
            bronze = self._read(dataset.bronze).where(F.col("partition") == partition)
            records = parse_lines(bronze, dataset.native.source_fields)
            typed = dataset.type_lines(records, dataset.native)
            parsed = f"scratch/{dataset.name}/{partition}"
            dataset.clean(typed).write.parquet(self._path(parsed))
            rows = self._read(parsed)
            accepted = rows.where(F.col("reason").isNull())
            copies = repeated_lines(accepted, dataset.unique_key)
            self._write(copies, f"silver/duplicates/{dataset.name}", partition)
            distinct = accepted.join(copies.select(*ORIGIN), on=list(ORIGIN), how="left_anti")
            distinct = distinct.select(*TABLES[dataset.silver].names)
            self._write(distinct, dataset.silver, partition)
            rejected = rows.where(F.col("reason").isNotNull()).select(*REJECTION_COLUMNS, *ORIGIN)
            self._write(rejected, f"silver/rejected/{dataset.name}", partition)

    def _ranks(self, dataset: str) -> DataFrame:
        ranked = [(name, rank) for rank, name in enumerate(self.partitions(dataset))]
        return F.broadcast(self._spark.createDataFrame(ranked, "partition string, rank int"))

    def _build_gold_reviews(self) -> None:
        ids = self._read("silver/reviews").select("review_id", *ORIGIN)
        ranked = ids.join(self._ranks(job.REVIEWS), on="partition", how="inner")
        first = ranked.groupBy("review_id").agg(
            F.min("rank").alias("first"), F.count(F.lit(1)).alias("copies")
        )
        shared = first.where(F.col("copies") > 1).select("review_id", "first")
        losers = ranked.join(shared, on="review_id", how="inner").where("rank > first")
        losers.select(*ORIGIN).write.parquet(self._path("gold/duplicates"))
        for partition in self.partitions(job.REVIEWS):
            in_partition = F.col("partition") == partition
            silver = self._read("silver/reviews").where(in_partition)
            losers = self._read("gold/duplicates").where(in_partition)
            winners = silver.join(losers, on=list(ORIGIN), how="left_anti")
            gold = gold_reviews(
                winners.withColumn("source", F.lit("batch")), self._read("gold/products")
            )
            self._write(gold, "gold/reviews", partition)


def _session() -> SparkSession:
    settings = {
        "spark.driver.memory": "4g",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[2]").appName("benchmark")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


if __name__ == "__main__":
    job.main(SparkJob)
