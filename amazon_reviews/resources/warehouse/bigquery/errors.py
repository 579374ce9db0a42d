"""Explanations of BigQuery's errors, with the setting that each depends on."""

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

from amazon_reviews.config import BIGQUERY_MAX_MB, WAREHOUSE, BigQueryAddress
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
    """Raise errors of BigQuery, Delta Lake or the disk as a WarehouseError about `subject`."""
    try:
        yield
    except REMOTE_FAILURES as error:
        # Without its cause: the text of a refused login may hold the credentials.
        raise WarehouseError(f"{subject}: {_remote_reason(error, address)}") from None
    except _LOCAL_FAILURES as error:
        raise WarehouseError(f"{subject}: {error}") from error


def reason_of(error: BaseException) -> str:
    """Return BigQuery's reason of an error, such as ``quotaExceeded``, or an empty text."""
    return _detail(error, "reason")


def _detail(error: BaseException, name: str) -> str:
    # The error's own text holds the address of an upload, with which anybody may write to it.
    details = error.errors if isinstance(error, GoogleAPICallError) else []
    return str(details[0].get(name, "")) if details else ""


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
    message = (_detail(error, "message").splitlines() or [type(error).__name__])[0][:_LONGEST]
    if reason_of(error) == "bytesBilledLimitExceeded":
        limited = (
            f"the query would bill more than {BIGQUERY_MAX_MB} allows; raise it, or ask for less"
        )
        return f"{limited} (BigQuery says: {message})"
    if not isinstance(error, ClientError):
        kind = reason_of(error) or type(error).__name__
        return f"BigQuery failed several times ({kind}); run again later"
    return f"{_advice(error, message, address)} (BigQuery says: {message})"


def _advice(error: ClientError, message: str, address: BigQueryAddress) -> str:
    place = f"{address.project}.{address.dataset}"
    if reason_of(error) in _QUOTAS:
        return f"a quota of the project {address.project} is used up; wait, or request a higher one"
    if isinstance(error, Forbidden):
        return (
            f"access is denied; the account needs the roles roles/bigquery.jobUser on the project "
            f"{address.project} and roles/bigquery.dataEditor on the dataset {place}, which "
            f"{WAREHOUSE} names"
        )
    if "location" in message:
        return f"the dataset is in another location; correct ?location= in {WAREHOUSE}"
    if isinstance(error, NotFound):
        return f"something does not exist; check project and dataset ({place}) in {WAREHOUSE}"
    return "BigQuery rejects the request"
