"""Retries of requests to Spark's JVM; imported on demand, because the client takes a second."""

from signal import Signals
from subprocess import Popen

from pyspark.sql.connect.client.retries import DefaultPolicy

from amazon_reviews.errors import EngineUnavailableError
from amazon_reviews.killed_children import describe


class RetriesOfJvm(DefaultPolicy):
    """Repeats a request that fails, as the client's own policy does, while the JVM runs."""

    def __init__(self, process: "Popen[bytes]") -> None:
        super().__init__()
        self._process = process

    def can_retry(self, e: BaseException) -> bool:
        """Return True if the request can succeed later; see `RetryPolicy.can_retry`.

        Raises:
            EngineUnavailableError: the JVM has ended.
        """
        code = self._process.poll()
        if code is None:
            return super().can_retry(e)
        if code < 0:
            raise EngineUnavailableError(describe(self._process.pid, "java", Signals(-code)))
        raise EngineUnavailableError(
            f"Spark's JVM (process {self._process.pid}) ended with exit code {code}; its messages "
            "above give the reason"
        )
