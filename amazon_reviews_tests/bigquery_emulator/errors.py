"""Errors of the service, in the form of its REST interface."""

from typing import Any


class BigQueryError(Exception):
    """An HTTP status with a reason of BigQuery."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    @property
    def error(self) -> dict[str, Any]:
        """The error as part of a job."""
        return {"reason": self.reason, "message": str(self)}

    @property
    def body(self) -> dict[str, Any]:
        """The error as a response."""
        error = {"code": self.status, "message": str(self), "errors": [self.error]}
        return {"error": error}


def invalid(message: str) -> BigQueryError:
    """Return the error for a request that is not valid."""
    return BigQueryError(400, "invalid", message)


def not_found(kind: str, name: str) -> BigQueryError:
    """Return the error for a missing entity."""
    return BigQueryError(404, "notFound", f"Not found: {kind} {name}")


def duplicate(kind: str, name: str) -> BigQueryError:
    """Return the error for an entity that exists."""
    return BigQueryError(409, "duplicate", f"Already Exists: {kind} {name}")
