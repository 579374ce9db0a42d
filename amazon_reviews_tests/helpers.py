"""Shared by tests of the pipeline: input by hand, and tables read without the engine."""

import gzip
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS, Dataset
from amazon_reviews.pipeline.gold import GoldCounts, build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.silver import SilverCounts, build_silver
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews.schemas import TABLES

BATCH_ROWS = 500_000

Record = dict[str, Any]


def review(**fields: Any) -> Record:
    """Return a review as the source writes it; a field with the value ... is left out."""
    usual: Record = {
        "overall": 5.0,
        "verified": True,
        "reviewerID": "A2OCDK0BOW6UCY",
        "asin": "B0007RAE7A",
        "reviewText": "It works well.",
        "summary": "Good",
        "unixReviewTime": 1_472_688_000,
    }
    return {name: value for name, value in (usual | fields).items() if value is not ...}


def product(**fields: Any) -> Record:
    """Return a product as the source writes it; a field with the value ... is left out."""
    usual: Record = {
        "asin": "B0007RAE7A",
        "title": "Watering can",
        "brand": "Oakwood",
        "main_cat": "Patio, Lawn & Garden",
        "category": ["Patio, Lawn & Garden", "Watering"],
        "price": "$12.99",
        "image": [],
    }
    return {name: value for name, value in (usual | fields).items() if value is not ...}


def event(**fields: Any) -> bytes:
    """Return the body of a review's event: texts only, no time, and two fields of the sender."""
    usual: Record = {"internal_partition": "0", "partition_number": 140_006_073}
    record = review(unixReviewTime=..., overall="5.0", verified="true", **fields)
    return json.dumps(usual | record).encode()


def hub_of(server: EventHubEmulator, name: str = "reviews", **options: Any) -> EventHub:
    """Return a hub of the emulator as the pipeline reads it."""
    return EventHub(address=server.connection_string(name), **options)


def upload(
    landing: LandingZone,
    dataset: str,
    partition: str,
    *lines: str | bytes | Record,
    file: str = "part-0.json.gz",
) -> Path:
    """Write a file of texts, bytes or records, one per line, to a landing partition; return it."""
    return upload_bytes(landing, dataset, partition, b"".join(map(_line, lines)), file)


def upload_bytes(
    landing: LandingZone, dataset: str, partition: str, content: bytes, file: str
) -> Path:
    """Write a file with this content, compressed if its name ends in .gz; return it."""
    path = Path(landing.location) / dataset / partition / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1) if file.endswith(".gz") else content)
    return path


def _line(line: str | bytes | Record) -> bytes:
    if isinstance(line, bytes):
        return line + b"\n"
    return (line if isinstance(line, str) else json.dumps(line)).encode() + b"\n"


def ingest_all(landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset) -> list[str]:
    """Bring all partitions of a dataset to bronze; return their names."""
    names = list(landing.partitions(dataset.folder, dataset.layout))
    for name in names:
        ingest(landing, lakehouse, dataset, name)
    return names


def build_silver_all(
    spark: SparkSession, landing: LandingZone, lakehouse: Lakehouse, dataset: Dataset
) -> dict[str, SilverCounts]:
    """Bring all partitions of a dataset to silver; return the counts by partition."""
    names = ingest_all(landing, lakehouse, dataset)
    return dict(build_silver(spark, lakehouse, dataset, names, BATCH_ROWS))


def build_gold_all(
    spark: SparkSession, landing: LandingZone, lakehouse: Lakehouse
) -> dict[str, GoldCounts]:
    """Bring a whole landing zone to gold; return the counts of the reviews by partition."""
    build_silver_all(spark, landing, lakehouse, PRODUCTS)
    names = list(build_silver_all(spark, landing, lakehouse, REVIEWS))
    build_gold_products(spark, lakehouse)
    return dict(build_gold_reviews(spark, lakehouse, names, BATCH_ROWS))


def rows(
    lakehouse: Lakehouse, key: str, *columns: str, version: int | None = None
) -> list[tuple[Any, ...]]:
    """Return the table's rows as sorted tuples of these columns, read by delta-rs."""
    table = lakehouse.delta(key, version).to_pyarrow_table(columns=list(columns))
    return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True), key=repr)


def content(
    lakehouse: Lakehouse, key: str, leave_out: Collection[str] = ("rejected_at",)
) -> Counter[str]:
    """Return the whole table as a multiset, read by delta-rs, without times of the run."""
    names = [name for name in TABLES[key].names if name not in leave_out]
    return Counter(map(repr, rows(lakehouse, key, *names)))


def files_of(lakehouse: Lakehouse, key: str, partition: str) -> list[Path]:
    """Return the data files of a partition in the newest version of a table."""
    actions = pa.table(lakehouse.delta(key).get_add_actions()).to_pylist()
    return [
        Path(lakehouse.uri(key), action["path"])
        for action in actions
        if action["partition"]["partition"] == partition
    ]


def put_silver(
    lakehouse: Lakehouse, key: str, partition: str, records: Iterable[Mapping[str, Any]]
) -> None:
    """Write records to a partition of a silver table; columns that are not given are null."""
    table = TABLES[key]
    complete = [
        {"file": "part-0.json.gz", "line": number, "partition": partition, **record}
        for number, record in enumerate(records, start=1)
    ]
    arrow = pa.Table.from_pylist(complete, schema=table.arrow_schema)
    lakehouse.write(arrow, key, replacing={"partition": [partition]})
