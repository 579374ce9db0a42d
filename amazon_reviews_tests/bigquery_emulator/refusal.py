"""What the service refuses, as its interface says it."""


class Refusal(Exception):
    """An HTTP status with BigQuery's own reason."""

    def __init__(self, status, reason, message):
        super().__init__(message)
        self.status = status
        self.reason = reason

    @property
    def error(self):
        """The error as a job holds it."""
        return {"reason": self.reason, "message": str(self)}

    @property
    def body(self):
        """The error as an answer holds it."""
        found = {"code": self.status, "message": str(self), "errors": [self.error]}
        return {"error": found}


def invalid(message):
    return Refusal(400, "invalid", message)


def not_found(kind, name):
    return Refusal(404, "notFound", f"Not found: {kind} {name}")


def duplicate(kind, name):
    return Refusal(409, "duplicate", f"Already Exists: {kind} {name}")
