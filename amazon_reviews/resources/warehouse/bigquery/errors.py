"""What BigQuery refuses, said with the setting that it depends on."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import requests
from deltalake.exceptions import DeltaError
from google.api_core.exceptions import (
    ClientError,
    Forbidden,
    GoogleAPICallError,
    GoogleAPIError,
    NotFound,
    Unauthorized,
)
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.resumable_media import DataCorruption

from amazon_reviews.config import WAREHOUSE, BigQueryAddress
from amazon_reviews.errors import WarehouseError

REMOTE_FAILURES = (
    GoogleAPIError,
    GoogleAuthError,
    DataCorruption,
    requests.RequestException,
    ConnectionError,
)
_LOCAL_FAILURES = (DeltaError, pa.ArrowException, OSError)
_QUOTAS = ("quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded")
_LONGEST = 400


@contextmanager
def explained(address: BigQueryAddress, subject: str) -> Iterator[None]:
    """Raise what BigQuery, Delta Lake or the disk refuse as a WarehouseError about `subject`."""
    try:
        yield
    except REMOTE_FAILURES as error:
        # The cause is left out: the text of a refused login may hold what was sent.
        raise WarehouseError(f"{subject}: {_remote_reason(error, address)}") from None
    except _LOCAL_FAILURES as error:
        raise WarehouseError(f"{subject}: {error}") from error


def reason_of(error: BaseException) -> str:
    """BigQuery's own word for an error, such as ``quotaExceeded``; empty where it has none."""
    return _said_by(error, "reason")


def _said_by(error: BaseException, what: str) -> str:
    # The error's own text names the address of an upload, which lets anybody write to it.
    found = error.errors if isinstance(error, GoogleAPICallError) else []
    return str(found[0].get(what, "")) if found else ""


def _remote_reason(error: Exception, address: BigQueryAddress) -> str:
    if isinstance(error, DefaultCredentialsError):
        return (
            "there are no credentials for Google Cloud; set GOOGLE_APPLICATION_CREDENTIALS to the "
            "key file of a service account, or run `gcloud auth application-default login`"
        )
    refused = isinstance(error, GoogleAuthError) and not isinstance(error, TransportError)
    if refused or isinstance(error, Unauthorized):
        return (
            "Google Cloud refuses the credentials; renew the key file that "
            "GOOGLE_APPLICATION_CREDENTIALS names, or run `gcloud auth application-default login`"
        )
    if not isinstance(error, ClientError):
        kind = reason_of(error) or type(error).__name__
        return f"BigQuery did not do it ({kind}), also after some tries; run again later"
    said = (_said_by(error, "message").splitlines() or [type(error).__name__])[0][:_LONGEST]
    return f"{_refusal(error, said, address)} (BigQuery says: {said})"


def _refusal(error: ClientError, said: str, address: BigQueryAddress) -> str:
    place = f"{address.project}.{address.dataset}"
    if reason_of(error) in _QUOTAS:
        return f"a quota of the project {address.project} is used up; wait, or ask for a higher one"
    if isinstance(error, Forbidden):
        return (
            f"it is not allowed; the account needs the roles roles/bigquery.jobUser on the project "
            f"{address.project} and roles/bigquery.dataEditor on the dataset {place}, which "
            f"{WAREHOUSE} names"
        )
    if "location" in said:
        return f"the dataset lies elsewhere; mend ?location= in {WAREHOUSE}"
    if isinstance(error, NotFound):
        return f"something is not there; look at project and dataset ({place}) in {WAREHOUSE}"
    return "BigQuery refuses it"
