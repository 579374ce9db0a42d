"""What the pipeline's tests share: input by hand, and tables read without the engine."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa

from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.gold import build_gold_products, build_gold_reviews
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.schemas import TABLES

BATCH_ROWS = 500_000


def review(**fields):
    """A review as the source writes it; a field that is given as ... is left out."""
    usual = {
        "overall": 5.0,
        "verified": True,
        "reviewerID": "A2OCDK0BOW6UCY",
        "asin": "B0007RAE7A",
        "reviewText": "It works well.",
        "summary": "Good",
        "unixReviewTime": 1_472_688_000,
    }
    return {name: value for name, value in (usual | fields).items() if value is not ...}


def product(**fields):
    """A product as the source writes it; a field that is given as ... is left out."""
    usual = {
        "asin": "B0007RAE7A",
        "title": "Watering can",
        "brand": "Oakwood",
        "main_cat": "Patio, Lawn & Garden",
        "category": ["Patio, Lawn & Garden", "Watering"],
        "price": "$12.99",
        "image": [],
    }
    return {name: value for name, value in (usual | fields).items() if value is not ...}


def event(**fields):
    """The body of a review's event: texts only, no time, the sender's numbers beside them."""
    usual = {"internal_partition": "0", "partition_number": 140_006_073}
    record = review(unixReviewTime=..., overall="5.0", verified="true", **fields)
    return json.dumps(usual | record).encode()


def hub_of(server, name="reviews", **options):
    """The hub as the pipeline reads it."""
    return EventHub(address=server.connection_string(name), **options)


def upload(landing, dataset, partition, *lines, file="part-0.json.gz"):
    """Put a file into a landing partition: texts, bytes or records, one a line; returns it."""
    return upload_bytes(landing, dataset, partition, b"".join(map(_line, lines)), file)


def upload_bytes(landing, dataset, partition, content, file):
    """Put a file with this content, compressed where its name ends in .gz; returns it."""
    path = Path(landing.location) / dataset / partition / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1) if file.endswith(".gz") else content)
    return path


def _line(line):
    if isinstance(line, bytes):
        return line + b"\n"
    return (line if isinstance(line, str) else json.dumps(line)).encode() + b"\n"


def ingest_all(landing, lakehouse, dataset):
    """Bring all partitions of a dataset to bronze; returns their names."""
    names = list(landing.partitions(dataset.folder, dataset.layout))
    for name in names:
        ingest(landing, lakehouse, dataset, name)
    return names


def build_silver_all(spark, landing, lakehouse, dataset):
    """Bring all partitions of a dataset to silver; returns the reports by partition."""
    names = ingest_all(landing, lakehouse, dataset)
    return dict(build_silver(spark, lakehouse, dataset, names, BATCH_ROWS))


def build_gold_all(spark, landing, lakehouse):
    """Bring a whole landing zone to gold; returns the reviews' reports by partition."""
    build_silver_all(spark, landing, lakehouse, PRODUCTS)
    names = list(build_silver_all(spark, landing, lakehouse, REVIEWS))
    build_gold_products(spark, lakehouse)
    return dict(build_gold_reviews(spark, lakehouse, names, BATCH_ROWS))


def rows(lakehouse, key, *columns, version=None):
    """The table's rows as tuples of these columns, sorted, read by delta-rs."""
    table = lakehouse.delta(key, version).to_pyarrow_table(columns=list(columns))
    return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True), key=repr)


def content(lakehouse, key, leave_out=("rejected_at",)):
    """The whole table as a multiset, read by delta-rs, without columns that tell the time."""
    names = [name for name in TABLES[key].names if name not in leave_out]
    return Counter(map(repr, rows(lakehouse, key, *names)))


def files_of(lakehouse, key, partition):
    """The data files of a partition in the newest version of a table."""
    actions = pa.table(lakehouse.delta(key).get_add_actions()).to_pylist()
    return [
        Path(lakehouse.uri(key), action["path"])
        for action in actions
        if action["partition"]["partition"] == partition
    ]


def put_silver(lakehouse, key, partition, records):
    """Put records into a partition of a silver table; columns that are not given are null."""
    table = TABLES[key]
    records = [
        {"file": "part-0.json.gz", "line": number, "partition": partition} | record
        for number, record in enumerate(records, start=1)
    ]
    arrow = pa.Table.from_pylist(records, schema=table.arrow_schema)
    lakehouse.write(arrow, key, replacing={"partition": [partition]})
