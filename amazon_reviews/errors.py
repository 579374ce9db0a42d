"""The exceptions of the package: one tree, and what each branch means to its caller.

AmazonReviewsError            the text says what is wrong, where, and what to do
├── UsageError                a command cannot be done as it was given: exit code 2
│   ├── SettingsError         an environment variable has a value that cannot be used
│   ├── InputFileError        a file that a person handed over cannot be used
│   ├── RemovalError          partitions may not be removed
│   ├── SplitError            interactions cannot be split as asked
│   ├── UnknownItemsError     a recommendation method lacks what it learns from
│   └── StarClassifierError   the pre-trained classifier of the settings cannot be used
├── UnavailableError          something outside the process cannot be used: API status 503
│   ├── LocationError         a location that a setting names: exit code 2
│   │   ├── LandingError, LakehouseError, EngineUnavailableError
│   ├── WarehouseError        the warehouse cannot be loaded or read: exit code 2
│   │   └── DamagedWarehouseError
│   ├── EventHubUnavailableError, StreamingOffError
│   ├── DownloadError         a file on the web cannot be downloaded: exit code 1
│   │   └── NotPublishedError
│   ├── ModelFileError        a file of a model is damaged or foreign: exit code 2
│   ├── StorageError           a folder is full or cannot be written to: exit code 1
│   └── NoDataError           a page of the dashboard has no data to show
├── BuildError                a table or a model cannot be built: exit code 1
│   ├── FailedPartitionsError, MissingInputError, LostLinesError, ConcurrentWriteError
│   │   └── TableInUseError
│   ├── PinnedTableError
│   ├── HubChangedError, SkippedEventsError, DamagedTableError, EngineError
│   └── TooFewReviewsError, NoRatingsError
└── UnexpectedError           an error that nothing explains: exit code 1

The command line turns `exit_code` into its own, in one line on stderr; the API answers
UnavailableError with status 503. Errors that a module raises and catches itself stay there. The
text of an error holds no secret, also where it quotes another error; see `redaction`.
"""

import re
from collections.abc import Mapping

from amazon_reviews.redaction import redacted
from amazon_reviews.shown_text import terminal_text

OWN_CLASS = re.compile(r"^amazon_reviews\.[\w.]+: ")
"""The name of an error's class before its text, where Dagster stores both as one text."""

_LONGEST_REASON = 500
_EXAMPLES = 3


class AmazonReviewsError(Exception):
    """An error with a text for people: what is wrong, where, and what to do.

    `advice` is what to do in a command that does not repair it itself.
    """

    exit_code = 1
    advice = ""

    def __init__(self, text: str = "") -> None:
        super().__init__(redacted(text))

    def __str__(self) -> str:
        """Return the text, which may name files and values, for a terminal, a log or metadata."""
        return terminal_text(super().__str__())


class UsageError(AmazonReviewsError):
    """A command cannot be done as it was given."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting cannot be used; the text names the variable and what it may be."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")


class InputFileError(UsageError):
    """A file that a person handed over cannot be used; the text names it, and the line."""


class RemovalError(UsageError):
    """Partitions may not be removed; the text names them and says why."""


class SplitError(UsageError):
    """The interactions cannot be split so; the text says why."""


class UnknownItemsError(UsageError):
    """The interactions hold nothing that a method needs to learn; the text says what it needs."""


class StarClassifierError(UsageError):
    """The classifier cannot be used; the text names what is missing and what to do."""


class UnavailableError(AmazonReviewsError):
    """Something outside the process cannot be used now; the text names it and what to do."""


class LocationError(UnavailableError):
    """A location that a setting names cannot be used; the text names it and what to do."""

    exit_code = 2


class LandingError(LocationError):
    """A landing folder or file cannot be read or written; the text names it and what to do."""


class ProfileError(LandingError):
    """A source profile is not valid, or two fit a file equally; the text names file and line."""


class LakehouseError(LocationError):
    """The lakehouse cannot be reached; the text names the location and what to check."""


class EngineUnavailableError(LocationError):
    """The engine of the settings cannot be used; the text says what to do."""


class WarehouseError(UnavailableError):
    """The warehouse could not be loaded or read; what it held before is untouched."""

    exit_code = 2


class DamagedWarehouseError(WarehouseError):
    """The file of the warehouse is damaged; the text names it and what makes it again."""


class EventHubUnavailableError(UnavailableError):
    """The hub cannot be read; the text names it and what to do, and holds no key."""


class StreamingOffError(UnavailableError):
    """No hub is configured."""


class DownloadError(UnavailableError):
    """A file cannot be downloaded; the text names its address and what to do, and holds no key."""


class NotPublishedError(DownloadError):
    """The server has no file at an address."""


class ModelFileError(UnavailableError):
    """A file is not a model of this program, or is damaged."""

    exit_code = 2


class StorageError(UnavailableError):
    """A folder is full or cannot be written to; the text names its setting and what to do."""


class NoDataError(UnavailableError):
    """A page of the dashboard has no data to show; the text tells the user why and what to do."""


class BuildError(AmazonReviewsError):
    """A table or a model could not be built; what was there before is untouched."""


class FailedPartitionsError(BuildError):
    """Partitions that could not be built, each with its error; the others are committed."""

    def __init__(self, errors: Mapping[str, Exception]) -> None:
        self.errors = dict(errors)
        super().__init__(by_reason(self.reasons))

    @property
    def reasons(self) -> dict[str, str]:
        """Each partition's error in one line; see `one_line`."""
        return {name: one_line(error) for name, error in self.errors.items()}


class MissingInputError(BuildError):
    """The layer above does not have a partition yet; the text says what to do."""


class LostLinesError(BuildError):
    """Lines that are neither kept, nor duplicates, nor rejected: a fault of the project."""


class ConcurrentWriteError(BuildError):
    """Another process wrote the table first."""


class TableInUseError(ConcurrentWriteError):
    """Another process writes a table, and the command does not wait for it."""

    def __init__(self, lock: str) -> None:
        super().__init__(
            f"another run writes the table now and holds the lock {lock}; wait for its end, and "
            "repeat the command"
        )


class PinnedTableError(BuildError):
    """The table is pinned to an earlier version; the text says how to unpin it."""

    def __init__(self, key: str, version: int) -> None:
        super().__init__(
            f"{key} is pinned to version {version}; `amazon-reviews restore --unpin {key}` lets "
            "runs build it again"
        )


class HubChangedError(BuildError):
    """The hub is not the one whose events bronze holds."""


class DamagedTableError(BuildError):
    """The log or a data file of a table is damaged; the text names the table."""

    advice = "`amazon-reviews run` builds the table again, or says why it cannot"


class EngineError(BuildError):
    """The engine cannot compute the rows of a table; the text names the table."""


class SkippedEventsError(BuildError):
    """The requested events would leave out others that were not read yet."""


class TooFewReviewsError(BuildError):
    """There are too few reviews to learn from; the text says how many there are."""


class NoRatingsError(BuildError):
    """There are too few ratings of titles to learn from."""


class UnexpectedError(AmazonReviewsError):
    """An error that nothing explains; the text names the log file with its details."""


def by_reason(reasons: Mapping[str, str]) -> str:
    """Return the reasons of failed partitions in one line; equal ones are given once."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return "; ".join(f"{_some(alike)}: {reason}" for reason, alike in names.items())


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else ""
    return f"{', '.join(names[:_EXAMPLES])}{more}"


def one_line(error: BaseException) -> str:
    """Return the text of an error in one line, without secrets.

    The text of a foreign error follows the name of its class, and has at most 500 characters.
    """
    if isinstance(error, AmazonReviewsError):
        return joined(str(error))
    return ": ".join(filter(None, (type(error).__name__, shortened(str(error)))))


def shortened(text: str) -> str:
    """Return a text of a library in one line of at most 500 characters."""
    # Before the text is cut: half a secret would not be recognized.
    text = joined(terminal_text(redacted(text)))
    if len(text) <= _LONGEST_REASON:
        return text
    # The engine's errors begin with what was done, and end with what the system reported.
    return f"{text[: _LONGEST_REASON // 2]} … {text[-_LONGEST_REASON // 2 :]}"


def joined(text: str) -> str:
    """Return the lines of a text as one."""
    return " ".join(filter(None, map(str.strip, text.splitlines())))
