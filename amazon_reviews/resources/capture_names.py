"""Paths of Event Hubs Capture: the hub, partition and time that the path of a file names."""

import re
from dataclasses import dataclass
from functools import lru_cache

from amazon_reviews.config import CAPTURE_PLACEHOLDERS, DEFAULT_CAPTURE_NAMES

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_VALUES = {
    # A whole host name is allowed too, with a port as that of an emulator.
    "Namespace": "[A-Za-z0-9.:-]+",
    "EventHub": "[A-Za-z0-9._-]+",
    "PartitionId": "[0-9]+",
    "Year": "[0-9]{4}",
}
_TWO_DIGITS = "[0-9]{1,2}"
_TIME = ("Year", "Month", "Day", "Hour", "Minute", "Second")
_PUBLIC_CLOUD = "servicebus.windows.net"


@dataclass(frozen=True)
class CapturePath:
    """The hub partition of a capture file, and the time at which its window began.

    `hub` is the name as the live stream writes it, see `Hub`.
    """

    hub: str
    partition: str
    time: tuple[int, ...]

    @property
    def day(self) -> str:
        """The day as YYYY-MM-DD."""
        return "{:04}-{:02}-{:02}".format(*self.time)


def capture_path(path: str, names: str, live_hub: str) -> CapturePath | None:
    """Return the parts of a path without extension, None if it has neither form.

    Args:
        path: the path; folders before the named form do not matter.
        names: the form of the settings; the default form is tried after it.
        live_hub: the hub of the settings, empty without one. It completes the namespace, which
            Capture writes without its domain.
    """
    for form in dict.fromkeys((names, DEFAULT_CAPTURE_NAMES)):
        if match := _pattern(form).fullmatch(path):
            values = match.groupdict()
            hub = _hub_name(values.get("Namespace"), values["EventHub"], live_hub)
            time = tuple(int(values[name]) for name in _TIME)
            return CapturePath(hub, str(int(values["PartitionId"])), time) if hub else None
    return None


def _hub_name(namespace: str | None, hub: str, live_hub: str) -> str:
    """Return namespace/hub as the live stream writes it; empty if the namespace is not known."""
    host, _, name = live_hub.partition("/")
    is_live = hub.lower() == name
    if namespace is None:
        return live_hub if is_live else ""
    if not re.fullmatch("[A-Za-z0-9-]+", namespace):
        return f"{namespace}/{hub}".lower()
    if is_live and host.partition(".")[0] == namespace.lower():
        return live_hub
    return f"{namespace}.{_PUBLIC_CLOUD}/{hub}".lower()


@lru_cache(maxsize=8)
def _pattern(form: str) -> re.Pattern[str]:
    seen: set[str] = set()
    parts = []
    for text in re.split(r"(\{\w+\})", form.strip("/")):
        placeholder = _PLACEHOLDER.fullmatch(text)
        if not placeholder or (name := placeholder[1]) not in CAPTURE_PLACEHOLDERS:
            parts.append(re.escape(text))
        elif name in seen:
            parts.append(f"(?P={name})")
        else:
            seen.add(name)
            parts.append(f"(?P<{name}>{_VALUES.get(name, _TWO_DIGITS)})")
    return re.compile("(?:.*/)?" + "".join(parts))
