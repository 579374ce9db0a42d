"""Redaction: texts that leave the process hold no secret of its environment or of an address.

Known secrets are the values of variables with a telling name (`…_KEY`, `…_TOKEN`, `…_PASSWORD`),
those of headers and logins (`…_HEADERS`, `…_AUTH`), the passwords and parameters of every
variable that holds an address or a connection string, and the addresses of alerts with all their
parts.
They are removed in every form that a library may quote: percent-encoded, escaped, or as the header
of a login. In other addresses everything that looks like a secret is removed.
"""

import base64
import html
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from types import TracebackType
from typing import Any
from urllib.parse import unquote

from amazon_reviews.shown_text import printable_text

HIDDEN = "***"
# A shorter one would also be removed from words that hold it by chance.
_SHORTEST = 6
_VARIABLE = re.compile(
    r"(KEY|ACCESS_KEY_ID|SECRET|TOKEN|PASSWORD|PASSWD|_PWD|PASSPHRASE|SIGNATURE|_SAS)$", re.I
)
_PARAMETER = re.compile(
    r"(key|code|secret|token|password|passwd|pwd|passphrase|signature|sig|sas|credential|auth|jwt)$",
    re.I,
)
# Addresses of chats and webhooks hold their key in any part, also instead of the host.
_ADDRESSES = "AMAZON_REVIEWS_ALERTS"
_PLAIN = re.compile(r"[a-z]{0,11}|[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?")
_HARMLESS = ("location", "user_id", "user_agent")
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w%+/=.~-]{10,}")
_SECRET_IN_JSON = re.compile(r'"[^"]*(?:key|token|password|secret)"\s*:\s*"([^"]+)"', re.I)
# In these the part before the @ names a container.
_CONTAINERS = ("abfs", "abfss", "wasb", "wasbs")
_USER_INFORMATION = re.compile(r"://([^\s/?#\"'<>\\]+)@")
_ASSIGNED = re.compile(
    r"((?:[?&;](?:[\w.-]{0,30}[._-])?(?:key|code|sig|sas|credential|auth|jwt)"
    r"|secret|token|password|passwd|pwd|passphrase|signature|(?:access|account|api)[_-]?key)=)"
    r"[^\s&;,\"'<>()\\]+",
    re.I,
)
_LOGIN = re.compile(
    r"(authorization(?:\\*['\"])?\s*[:=]\s*(?:\\*['\"])?(?:(?:basic|bearer|sharedkey)\s+)?)"
    r"[\w.~+/=%:-]+",
    re.I,
)
_addresses: set[str] = set()


def redacted(text: str) -> str:
    """Return the text without secrets, each replaced by `***`."""
    known = _known(tuple(os.environ.items()), tuple(_addresses))
    if known:
        text = known.sub(HIDDEN, text)
    text = _USER_INFORMATION.sub(_without_user, text)
    text = _ASSIGNED.sub(rf"\1{HIDDEN}", text)
    return _LOGIN.sub(rf"\1{HIDDEN}", text)


def protect(address: str) -> None:
    """Let the secrets of an address that no variable holds be known in this process."""
    _addresses.add(address)


@cache
def install() -> None:
    """Redact this process's logs, warnings, and tracebacks of errors that nobody handles.

    Control characters in logs become escapes.
    """
    # Native libraries print their logs around Python; their errors are raised all the same.
    os.environ.setdefault("RUST_LOG", "off")
    make = logging.getLogRecordFactory()

    def record(*arguments: Any, **options: Any) -> logging.LogRecord:
        return _clean_record(make(*arguments, **options))

    logging.setLogRecordFactory(record)
    of_process, of_thread = sys.excepthook, threading.excepthook

    def process_ends(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not _print_redacted(error):
            of_process(kind, error, trace)

    def thread_ends(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is None or not _print_redacted(arguments.exc_value):
            of_thread(arguments)

    sys.excepthook, threading.excepthook = process_ends, thread_ends
    of_warning = warnings.formatwarning

    def warn(*arguments: Any, **options: Any) -> str:
        return redacted(of_warning(*arguments, **options))

    warnings.formatwarning = warn


def _without_user(match: re.Match[str]) -> str:
    scheme = re.search(r"[a-z0-9]*$", match.string[: match.start()][-8:], re.I)
    if scheme and scheme[0].lower() in _CONTAINERS and ":" not in match[1]:
        return match[0]
    return f"://{HIDDEN}@"


def _clean_record(record: logging.LogRecord) -> logging.LogRecord:
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Arguments that do not fit the message; the handler reports them.
        return record
    clean = printable_text(redacted(message))
    if clean != message:
        record.msg, record.args = clean, None
    if record.exc_info and record.exc_info[1]:
        trace = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
        clean = printable_text(redacted(trace))
        if clean != trace:
            # Formatters take this text, if it is there.
            record.exc_text = clean
    return record


def _print_redacted(error: BaseException) -> bool:
    """Print the traceback of an error without its secrets; return False if it holds none."""
    trace = "".join(traceback.format_exception(error))
    clean = redacted(trace)
    if clean == trace:
        return False
    sys.stderr.write(clean)
    return True


@lru_cache(maxsize=4)
def _known(
    environment: tuple[tuple[str, str], ...], addresses: tuple[str, ...]
) -> re.Pattern[str] | None:
    """Return a pattern of all known secrets; None without one."""
    secrets = {secret for name, value in environment for secret in _of_variable(name, value)}
    secrets |= {secret for address in addresses for secret in _of_address(address)}
    forms = {form for secret in secrets for form in (secret, unquote(secret))}
    # The longest first: a secret may begin with another one.
    ordered = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
    patterns = ["".join(map(_any_form, form)) for form in ordered]
    return re.compile("|".join(patterns)) if patterns else None


def _of_variable(name: str, value: str) -> Iterator[str]:
    if name.upper() == _ADDRESSES:
        for address in value.split():
            yield from _of_address(address)
            yield from _parts_of(address)
    elif _VARIABLE.search(name):
        yield value.removeprefix("?")
    elif name.endswith("_HEADERS"):
        # Name=value, separated by commas; the value may have the kind of the login before it.
        for header in value.split(","):
            yield header.partition("=")[2].strip().rpartition(" ")[2]
    elif name.endswith("_AUTH"):
        yield from _SECRET_IN_JSON.findall(value)
    if name.lower().endswith("_proxy") and "://" not in value:
        yield from _of_address(f"http://{value}")
    else:
        yield from _of_address(value)


def _of_address(address: str) -> Iterator[str]:
    """Yield the secrets of an address or a connection string, as far as the text is one."""
    scheme, is_address, rest = address.partition("://")
    parameters = re.split(r"[?#&;]", address)
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if _PARAMETER.search(name.strip()):
            yield value
    if not is_address:
        return
    for parameter in parameters[1:]:
        name, has_value, value = parameter.partition("=")
        value = value if has_value else name
        if _RANDOM.fullmatch(value) and name.lower() not in _HARMLESS:
            yield value
    authority = re.split(r"[/?#]", rest)[0]
    # Without an @ in its place, one further on may follow a password with a slash in it.
    user_information = (authority if "@" in authority else rest).rpartition("@")[0]
    user, has_password, password = user_information.partition(":")
    if has_password:
        yield password
        # An address that cannot be parsed is quoted in parts.
        yield from re.split(r"[/?#@]", password)
        yield base64.b64encode(unquote(user_information).encode()).decode().rstrip("=")
    # A token may take the place of a user's name, which is no secret.
    if _RANDOM.fullmatch(user) and scheme not in _CONTAINERS:
        yield user


def _parts_of(address: str) -> Iterator[str]:
    """Yield an address, what follows its host, and each part that is neither host nor word."""
    rest = address.partition("://")[2]
    yield from (address, rest, rest[rest.find("/") :] if "/" in rest else "")
    yield from (part for part in re.split(r"[/?#&=@]", rest) if not _PLAIN.fullmatch(part))


def _any_form(character: str) -> str:
    """Return a pattern of a character as it is, escaped, or percent-encoded, even repeatedly."""
    if character.isascii() and character.isalnum():
        return character
    encoded = "".join(f"%(?:25)*{byte:02X}" for byte in character.encode())
    plain = {re.escape(form) for form in (character, html.escape(character), repr(character)[1:-1])}
    return rf"(?:\\*(?:{'|'.join(sorted(plain))})|(?i:{encoded}|\\+u{ord(character):04x}))"
