"""Connection to a BigQuery dataset: client, credentials, location."""

import os
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import google.auth
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud import bigquery

from amazon_reviews.config import WAREHOUSE, BigQueryAddress
from amazon_reviews.errors import WarehouseError

LABELS = {"application": "amazon_reviews"}
_SCOPES = ["https://www.googleapis.com/auth/bigquery"]


class Connection:
    """A dataset and its client; nothing is requested before the first use.

    A query may bill `max_bytes`, without a limit if 0.
    """

    def __init__(self, address: BigQueryAddress, max_bytes: int = 0) -> None:
        self.address = address
        self._max_bytes = max_bytes

    @cached_property
    def client(self) -> bigquery.Client:
        """Google's client. Raises DefaultCredentialsError without credentials."""
        return bigquery.Client(self.address.project, _credentials())

    @cached_property
    def location(self) -> str:
        """The dataset's location.

        Raises:
            NotFound: the dataset does not exist.
            WarehouseError: its location is not the expected one.
        """
        return self._location(self.client.get_dataset(self.reference))

    @property
    def reference(self) -> bigquery.DatasetReference:
        """The dataset, which may not exist yet."""
        return bigquery.DatasetReference(self.address.project, self.address.dataset)

    def create(self) -> None:
        """Create the dataset if it does not exist."""
        try:
            _ = self.location
        except NotFound:
            dataset = bigquery.Dataset(self.reference)
            dataset.location = self.address.location
            dataset.labels = LABELS
            self.location = self._location(self.client.create_dataset(dataset, exists_ok=True))

    def query_config(self, **options: Any) -> bigquery.QueryJobConfig:
        """Return the configuration of a query with the limit of what it may bill."""
        limit = {"maximum_bytes_billed": self._max_bytes} if self._max_bytes else {}
        return bigquery.QueryJobConfig(**options, **limit)

    def sql_name(self, table: str) -> str:
        """Return the name of a table of the dataset in SQL."""
        return f"`{self.address.project}`.`{self.address.dataset}`.`{table}`"

    def page(self, table: str) -> str:
        """Return the address of a table in the Google Cloud console."""
        project, dataset = self.address.project, self.address.dataset
        query = {"project": project, "p": project, "d": dataset, "t": table, "page": "table"}
        return f"https://console.cloud.google.com/bigquery?{urlencode(query)}"

    def _location(self, dataset: bigquery.Dataset) -> str:
        actual, expected = str(dataset.location), self.address.location
        if expected and expected.lower() != actual.lower():
            raise WarehouseError(
                f"the dataset {self.address.project}.{self.address.dataset} is in {actual}, not "
                f"in {expected}; correct ?location= in {WAREHOUSE}, or name another dataset"
            )
        return actual


def _credentials() -> Credentials:
    key_file = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if os.environ.get("BIGQUERY_EMULATOR_HOST") and not key_file:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    credentials, _ = google.auth.default(scopes=_SCOPES)
    return credentials
