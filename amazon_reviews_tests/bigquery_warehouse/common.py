"""What the tests of the BigQuery warehouse share."""

from deltalake import DeltaTable

from amazon_reviews.resources.warehouse.base import TableVersion

URL = "bigquery://test-project/reviews"
DATASET = {"datasetReference": {"projectId": "test-project", "datasetId": "reviews"}}
UPLOAD = r"PUT .*/upload/"
SWAP = r"CREATE OR REPLACE TABLE"


def newest(lake, name="gold/t", **said):
    """The newest version of a Delta table."""
    return TableVersion(name, str(lake), DeltaTable(str(lake)).version(), **said)


def found(warehouse, table="t"):
    """The numbers in the warehouse, in their order."""
    return warehouse.query(f"SELECT number FROM {table} ORDER BY number")["number"].to_pylist()


def steps(server, kind):
    """What the jobs that did something were for, in their order: part0, delete, over."""
    names = (
        name.rsplit("_", 2 if "_over_" not in name else 3)
        for name, job in server.jobs.done.items()
        if "__staging_" in name and job["configuration"]["jobType"] == kind.upper()
    )
    return [name[1] for name in names]


def asked(server, text):
    """How many requests held this text."""
    return sum(text in request for request in server.requests)


def staging_tables(server):
    return [name for _, name in server.catalogue.tables if "__staging_" in name]
