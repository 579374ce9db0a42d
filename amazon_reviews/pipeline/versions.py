"""Present versions of inputs that a build records, of whatever kind they are."""

from amazon_reviews.pipeline.artifacts import Artifact
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.model_store import ModelStore
from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.schemas import TABLES
from amazon_reviews.schemas.built import WHOLE, Built, new_version


def model_version(store: ModelStore, key: str) -> int:
    """Return the version of the model with the key `model/name`, 0 without a record of it."""
    built = store.records().get(key.removeprefix("model/"))
    return built.version if built else 0


def record_of(artifact: Artifact, source: Lakehouse | Warehouse) -> Built:
    """Return a new record of an output that is built from tables as they are now in `source`.

    It is made before the tables are read, so that what is written meanwhile counts as newer.
    """
    if isinstance(source, Lakehouse):
        inputs = {key: source.versions(key).get(WHOLE, 0) for key in artifact.inputs}
    else:
        contents = source.contents()
        # A warehouse of an earlier version may hold tables that have another name now.
        known = contents.keys() & TABLES.keys()
        by_output = {f"warehouse/{TABLES[key].name}": contents[key] for key in known}
        inputs = {key: by_output.get(key, 0) for key in artifact.inputs}
    return Built(new_version(artifact.code_version), inputs)
