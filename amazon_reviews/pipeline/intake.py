"""The settings by which landing files are read: people's own profiles, and a bound of size."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amazon_reviews.errors import LandingError, ProfileError
from amazon_reviews.pipeline.datasets import Dataset
from amazon_reviews.pipeline.source_files.formats import FileFormat, Reading
from amazon_reviews.pipeline.source_files.source import (
    MAX_UNPACKED_BYTES,
    SourceFile,
)
from amazon_reviews.plain_file import open_plain_file
from amazon_reviews.profiles.detection import detect
from amazon_reviews.profiles.files import MAX_PROFILE_BYTES, built_in_profiles, parse_profile
from amazon_reviews.profiles.profile import Profile
from amazon_reviews.resources.lakehouse.scans import partitions_with_values
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.layout import LandingFile
from amazon_reviews.resources.landing.zone import LandingZone

_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Intake:
    """The settings of reading landing files.

    `profiles` is a folder of people's own source profiles, `max_unpacked_bytes` the largest size
    of a decompressed file.
    """

    profiles: Path | None = None
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES

    def own_profiles(self) -> tuple[Profile, ...]:
        """Return the profiles of the folder, ordered by the names of their files.

        Raises:
            ProfileError: a file cannot be read or is not valid, or two have the same name.
        """
        if self.profiles is None:
            return ()
        try:
            paths = sorted(p for p in self.profiles.iterdir() if p.suffix in _ENDINGS)
        except OSError as error:
            raise ProfileError(f"{self.profiles} cannot be read: {error.strerror}") from None
        read = {str(path): profile_content(path) for path in paths}
        profiles = tuple(parse_profile(content, path) for path, content in read.items())
        names = [profile.name for profile in (*built_in_profiles(), *profiles)]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ProfileError(
                f"{self.profiles}: two profiles have the name {', '.join(repeated)}; rename one"
            )
        return profiles


def profile_content(path: Path) -> bytes:
    """Return the bytes of a profile, at most one more than it may have.

    Raises:
        ProfileError: it is not a plain file, or cannot be read.
    """
    try:
        with open_plain_file(path) as file:
            return file.read(MAX_PROFILE_BYTES + 1)
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror or error}") from None


def profile_beside(landing: LandingZone, dataset: Dataset, file: LandingFile) -> Profile:
    """Return the profile that a file in the folder of a dataset declares.

    Raises:
        ProfileError: it is not valid, or is for another dataset.
        LandingError: it cannot be read.
    """
    with landing.open(file) as stream:
        return parse_for(dataset, stream.read(MAX_PROFILE_BYTES + 1), file.path)


def parse_for(dataset: Dataset, content: bytes, path: str) -> Profile:
    """Return the profile that a YAML file declares for a dataset.

    Raises:
        ProfileError: it is not valid, or is for another dataset.
    """
    profile = parse_profile(content, path)
    if profile.dataset != dataset.name:
        raise ProfileError(
            f"{path} is for {profile.dataset}, but its folder is for {dataset.name}; move it, or "
            "correct its dataset"
        )
    return profile


def reading_of(profile: Profile | None) -> Reading:
    """Return what a profile says of the format of its files."""
    if profile is None:
        return Reading()
    return Reading(
        charset=profile.charset,
        delimiter=profile.delimiter,
        quote=profile.quote,
        columns=profile.columns or None,
    )


def quote_of(file_format: FileFormat, profile: Profile | None) -> str | None:
    """Return the quote character of a file, None if quotes are text.

    A profile knows it better than the first lines of a file, if it is about the same delimiter.
    """
    delimiter = file_format.delimiter
    if profile is None or profile.quote is None or profile.delimiter not in (None, delimiter):
        return file_format.quote
    return profile.quote or None if delimiter else None


def profile_of(
    dataset: Dataset, own: Sequence[Profile], source: SourceFile, path: str
) -> Profile | None:
    """Return the source profile of a file, None if no profile fits it.

    Raises:
        ProfileError: two profiles fit equally.
        LandingError: the dataset has no profiles, and the file lacks a column that it requires.
    """
    header = source.format.header
    if dataset.profiles:
        present = header or {name for record in source.sample for name in record}
        fitting = [profile for profile in own if profile.dataset == dataset.name]
        return detect([*fitting, *dataset.profiles], present, path)
    if not dataset.required:
        return dataset.native
    if header is None:
        raise LandingError(f"{path} is not a CSV file; upload one with a header")
    if missing := [name for name in dataset.required if name not in header]:
        listed = ", ".join(header)[:200]
        raise LandingError(f"{path}: its header lacks {', '.join(missing)}; it names {listed}")
    return dataset.native


def profiles_version(own: Iterable[Profile]) -> int:
    """Return a number for people's own profiles, 0 without any."""
    texts = sorted(profile.to_json() for profile in own)
    digest = hashlib.sha256("\n".join(texts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1 if texts else 0


def profiles_id(dataset: Dataset, partition: str) -> str:
    """Return the transaction id under which bronze records the `profiles_version` of a read."""
    return f"{dataset.folder}/{partition}/profiles"


def read_by_other_profiles(
    lakehouse: Lakehouse, dataset: Dataset, own: Iterable[Profile]
) -> set[str]:
    """Return the partitions that would be read by other profiles now than they were.

    These are the ones that no profile fitted, or that were read by an own one, if the own profiles
    have changed since.
    """
    log = lakehouse.log(dataset.bronze)
    if not dataset.profiles or log is None or "mapping" not in log.columns:
        return set()
    now = profiles_version(own)
    changed = {
        name
        for name in log.records.versions
        if log.transactions.get(profiles_id(dataset, name), 0) != now
    }
    if not changed:
        return set()
    table = lakehouse.delta(dataset.bronze)
    # Rows of earlier versions have no charset.
    read = partitions_with_values(table, "charset")
    unrecognized = read - partitions_with_values(table, "profile")
    return changed & (unrecognized | partitions_with_values(table, "mapping"))
