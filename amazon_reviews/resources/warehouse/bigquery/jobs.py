"""Jobs that are done once, whatever happens between here and BigQuery."""

import time
from collections.abc import Callable
from itertools import count
from typing import Any

from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
from google.api_core.retry import Retry, if_exception_type
from google.cloud.bigquery import DEFAULT_RETRY

from amazon_reviews.resources.warehouse.bigquery.connection import Connection
from amazon_reviews.resources.warehouse.bigquery.errors import REMOTE_FAILURES, reason_of

_PASSING = ("backendError", "internalError", "rateLimitExceeded", "jobRateLimitExceeded")
_TRIES = 3
_SECONDS = 5  # more after each try
# BigQuery may say for a moment that a job is not there which it refused to make twice.
_AFTER_CONFLICT = Retry(predicate=if_exception_type(NotFound), timeout=60)


def finish(connection: Connection, key: str, start: Callable[[str], Any]) -> None:
    """Have the job `key` succeed once; `start` makes it under the id that it is given.

    A job that another process or an earlier run made under this key counts, also one of which the
    reply was lost. An id is never free again, so each attempt after a failure has the next one.
    Raises what BigQuery says of a job that fails for a reason that does not pass.
    """
    tries = 0
    for attempt in count(1):
        job_id = f"{key}_{attempt}"
        job = _find(connection, job_id)
        if job is None:
            tries += 1
            job = _started(connection, job_id, start)
        try:
            job.result()
            return
        except GoogleAPICallError as error:
            if job.error_result is None:  # nobody knows yet how it ends
                raise
            if tries and (reason_of(error) not in _PASSING or tries == _TRIES):
                raise
            time.sleep(_SECONDS * tries)


def _started(connection: Connection, job_id: str, start: Callable[[str], Any]) -> Any:
    try:
        return start(job_id)
    except Conflict:
        return _find(connection, job_id, _AFTER_CONFLICT)
    except REMOTE_FAILURES:
        job = _find(connection, job_id)
        if job is None:
            raise
        return job


def _find(connection: Connection, job_id: str, retry: Retry = DEFAULT_RETRY) -> Any:
    try:
        return connection.client.get_job(job_id, location=connection.location, retry=retry)
    except NotFound:
        return None
