"""The way to a BigQuery dataset: client, credentials, location."""

import os
from functools import cached_property
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
    """A dataset and the client that reaches it; nothing is asked before the first use."""

    def __init__(self, address: BigQueryAddress) -> None:
        self.address = address

    @cached_property
    def client(self) -> bigquery.Client:
        """The vendor's client. Raises DefaultCredentialsError where nobody is logged in."""
        return bigquery.Client(self.address.project, _credentials())

    @cached_property
    def location(self) -> str:
        """Where the dataset lies. Raises NotFound, or WarehouseError if not where it should."""
        return self._location(self.client.get_dataset(self.reference))

    @property
    def reference(self) -> bigquery.DatasetReference:
        """The dataset, which may not be there yet."""
        return bigquery.DatasetReference(self.address.project, self.address.dataset)

    def create(self) -> None:
        """Create the dataset if it is not there."""
        try:
            _ = self.location
        except NotFound:
            dataset = bigquery.Dataset(self.reference)
            dataset.location = self.address.location
            dataset.labels = LABELS
            self.location = self._location(self.client.create_dataset(dataset, exists_ok=True))

    def sql_name(self, table: str) -> str:
        """A table of the dataset in SQL."""
        return f"`{self.address.project}`.`{self.address.dataset}`.`{table}`"

    def page(self, table: str) -> str:
        """The address of a table in the Google Cloud console."""
        project, dataset = self.address.project, self.address.dataset
        place = {"project": project, "p": project, "d": dataset, "t": table, "page": "table"}
        return f"https://console.cloud.google.com/bigquery?{urlencode(place)}"

    def _location(self, dataset: bigquery.Dataset) -> str:
        there, wanted = str(dataset.location), self.address.location
        if wanted and wanted.lower() != there.lower():
            raise WarehouseError(
                f"the dataset {self.address.project}.{self.address.dataset} lies in {there}, not "
                f"in {wanted}; mend ?location= in {WAREHOUSE}, or name another dataset"
            )
        return there


def _credentials() -> Credentials:
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if os.environ.get("BIGQUERY_EMULATOR_HOST") and not named:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    credentials, _ = google.auth.default(scopes=_SCOPES)
    return credentials
