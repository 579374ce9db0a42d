"""JSON bodies of requests, whose cost stays small also if a stranger wrote them."""

from email.message import Message
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

T = TypeVar("T")

# A valid request has a hundred texts and a few names, and some blanks between them. Parsing two
# megabytes of names, numbers or brackets would take a hundred times the memory, and hold the
# interpreter's lock for so long that no other request is answered.
_MOST_STRINGS = 1_000
_MOST_BYTES_BETWEEN = 16 << 10


async def _json_body(request: Request) -> bytes:
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    if header.get_content_type() != "application/json":
        raise _wrong("header", "content-type", "the type must be application/json")
    try:
        return await request.body()
    except ClientDisconnect:
        raise HTTPException(400, "the body is incomplete") from None


JsonBody = Annotated[bytes, Depends(_json_body)]
"""The body of a request as it came; `parse` it in a thread."""


def parse(body: bytes, model: TypeAdapter[T]) -> T:
    """Return the body as the model.

    Raises:
        RequestValidationError: it is not JSON of the model.
    """
    if not _is_simple(body):
        raise _wrong("body", f"more than {_MOST_STRINGS} texts and names, or too much around them")
    try:
        return model.validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    raise RequestValidationError([fault | {"loc": ("body", *fault["loc"])} for fault in faults])


def _is_simple(body: bytes) -> bool:
    """Return True if a JSON text has few strings, and little else."""
    # What remains of valid JSON without escaped backslashes and quotes alternates at the quotes.
    parts = body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"', 2 * _MOST_STRINGS + 1)
    return len(parts) <= 2 * _MOST_STRINGS + 1 and sum(map(len, parts[::2])) <= _MOST_BYTES_BETWEEN


def _wrong(*place_and_message: str) -> RequestValidationError:
    *place, message = place_and_message
    return RequestValidationError([{"loc": tuple(place), "msg": message, "type": "value_error"}])
