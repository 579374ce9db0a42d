"""Inspection of one file: its format and profile, and the rows and rejected lines it would give.

The same code as in bronze and silver reads the first records, so the result is theirs.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from amazon_reviews.disk import explaining, temporary_files
from amazon_reviews.errors import LandingError
from amazon_reviews.pipeline.bronze import record_batches
from amazon_reviews.pipeline.datasets import REVIEW_DATASETS, Dataset
from amazon_reviews.pipeline.intake import (
    parse_for,
    profile_content,
    profile_of,
    quote_of,
    reading_of,
)
from amazon_reviews.pipeline.records import cleaned_parts
from amazon_reviews.pipeline.silver import rejection_details
from amazon_reviews.pipeline.source_files.source import SourceFile, open_source
from amazon_reviews.pipeline.unrecognized import (
    describe_misfit,
    lacking_fields,
    missing_meanings,
)
from amazon_reviews.profiles.detection import known_fields, nearest
from amazon_reviews.profiles.files import parse_profile
from amazon_reviews.profiles.profile import Profile
from amazon_reviews.resources.landing.layout import LandingFile, changed_while_read
from amazon_reviews.resources.landing.local import LocalFiles
from amazon_reviews.resources.landing.names import PROFILES
from amazon_reviews.transforms.rejection import REJECTION_COLUMNS

MOST_RECORDS = 10_000
"""The records of a file that are mapped."""

_MOST_BYTES = 32 * 1024 * 1024
_ROWS_AT_ONCE = 100
_NEAREST = 3
_MAPPED = 3
_LONGEST_EXAMPLE = 200
_ORIGIN = ("file", "partition", "rescued", *REJECTION_COLUMNS)


@dataclass
class Problem:
    """The records with one rejection reason: their number, and the first of them."""

    records: int
    line: int
    detail: str | None


@dataclass
class UnknownField:
    """A field that no canonical field has: the records that fill it, and a value."""

    records: int
    example: str


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """A profile that does not fit, and the source fields that it requires and the file lacks."""

    profile: str
    missing: list[str]


@dataclass(kw_only=True)
class Inspection:
    """The facts of a file.

    Attributes:
        file: path of the file.
        container: json, delimited, parquet, avro, python or paragraphs.
        compression: "", gzip, zstd or bzip2.
        charset: encoding of the text.
        delimiter: character between the columns of a delimited file, else None.
        quote: quote character of a delimited file; None if quotes are text.
        columns: columns of a delimited file, else the fields of the first records.
        dataset: reviews or products.
        profile: name of the source profile, None if none fits.
        user_defined: True if the profile is one that people added.
        nearest: without a profile, the nearest ones, the best first: each with its name `profile`
            and the required fields that are `missing`.
        missing: without a profile, what no field seems to be: reviewer, product, stars, text.
        reason: the reason why no record is kept, None if one is.
        records: the records that were mapped, at most 10,000 and 32 MiB.
        complete: True if these are all records of the file.
        kept: the records that become rows.
        duplicates: the records that repeat an earlier one.
        rejected: the other records by rejection reason: the number of `records`, and `line` and
            `detail` of the first one.
        mapped: the first rows as silver would hold them.
        unknown_fields: the fields that `rescued` would hold: the number of `records` with a value,
            and an `example`.
    """

    file: str
    container: str
    compression: str
    charset: str
    delimiter: str | None
    quote: str | None
    columns: list[str]
    dataset: str
    profile: str | None
    user_defined: bool = False
    nearest: list[Nearest] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    reason: str | None = None
    records: int = 0
    complete: bool = True
    kept: int = 0
    duplicates: int = 0
    rejected: dict[str, Problem] = field(default_factory=dict)
    mapped: list[dict[str, Any]] = field(default_factory=list)
    unknown_fields: dict[str, UnknownField] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the facts with the names of the attributes as keys."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The dataset and profile that people choose for an inspection.

    Attributes:
        dataset: the dataset, None to find it out.
        profile: the profile to try, None to find it out.
        own: the user-defined profiles of the settings.
        max_unpacked_bytes: the largest size of a decompressed file.
    """

    dataset: Dataset | None = None
    profile: Profile | None = None
    own: Sequence[Profile] = ()
    max_unpacked_bytes: int


@dataclass(frozen=True)
class OpenFile:
    """An open file with the dataset that it belongs to, and its profile if one fits.

    `own` are the user-defined profiles that were tried.
    """

    file: LandingFile
    source: SourceFile
    dataset: Dataset
    profile: Profile | None
    own: Sequence[Profile] = ()

    @property
    def present(self) -> Collection[str]:
        """The names of the fields, in the order in which they occur."""
        names = (name for record in self.source.sample for name in record)
        return self.source.format.header or tuple(dict.fromkeys(names))

    @property
    def profiles(self) -> list[Profile]:
        """The profiles of the dataset, those that people added first."""
        own = [profile for profile in self.own if profile.dataset == self.dataset.name]
        return [*own, *self.dataset.profiles]


def landing_file(path: Path) -> LandingFile:
    """Return the local file at `path`.

    Raises:
        LandingError: it is not a file, or cannot be read.
    """
    files = LocalFiles(path.absolute().parent, follows_links=True)
    file = next(files.named("", [path.name]), None)
    if file is None:
        raise LandingError(f"{path} is not a plain file; name a file with data")
    return LandingFile(str(path), file.name, file.size, file.changed, file.identity)


@contextmanager
def opened_file(path: Path, choice: "Choice") -> Iterator["OpenFile"]:
    """Yield the local file at `path` as bronze would read it; see `open_file`.

    Raises:
        LandingError: it is not a plain file, cannot be read, or changed meanwhile.
    """
    file = landing_file(path)
    with LocalFiles(path.absolute().parent, follows_links=True).open(file) as stream:
        yield open_file(stream, file, choice)
    if landing_file(path) != file:
        raise changed_while_read(str(path))


def open_file(stream: BinaryIO, file: LandingFile, choice: Choice) -> OpenFile:
    """Return a file with its format, dataset and profile, as bronze would find them.

    Raises:
        LandingError: the file cannot be read.
        ProfileError: two profiles fit it equally, or one is not valid.
    """
    place = choice.dataset or _dataset_of_folder(Path(file.path))
    fixed = choice.profile or _profile_beside(Path(file.path), place)
    source = open_source(stream, file, reading_of(fixed), choice.max_unpacked_bytes)
    if fixed:
        (dataset,) = (each for each in REVIEW_DATASETS if each.name == fixed.dataset)
        return OpenFile(file, source, dataset, fixed)
    own = choice.own
    of_dataset = [
        OpenFile(file, source, dataset, profile_of(dataset, own, source, file.path), own)
        for dataset in ([place] if place else REVIEW_DATASETS)
    ]
    opened = of_dataset[0] if len(of_dataset) == 1 else _likelier(*of_dataset)
    if opened.profile and opened.profile.changes_reading:
        stream.seek(0)
        return open_file(stream, file, replace(choice, profile=opened.profile))
    return opened


def inspect_file(spark: SparkSession, path: Path, choice: Choice) -> Inspection:
    """Inspect a local file; at most 10,000 records and 32 MiB of them are mapped.

    Raises:
        LandingError: see `open_file`; also if one of these records cannot be read.
    """
    with opened_file(path, choice) as opened:
        inspection = _described(opened)
        _map_records(spark, opened, inspection)
    if not inspection.kept:
        inspection.reason = _why_nothing_is_kept(opened, inspection)
    return inspection


def _likelier(reviews: OpenFile, products: OpenFile) -> OpenFile:
    """Return the file of the dataset whose profile fits; reviews come first."""
    if reviews.profile or products.profile is None:
        return reviews
    # A single column makes a file one of products, but reviews may lack what makes them so.
    near = nearest(reviews.profiles, reviews.present)[0]
    fits_better = known_fields(products.profile, products.present) >= known_fields(
        near, reviews.present
    )
    return products if fits_better else reviews


def _dataset_of_folder(path: Path) -> Dataset | None:
    """Return the dataset of the landing zone in whose folder a file is, if it is in one."""
    parents = {parent.name for parent in path.absolute().parents}
    return next((each for each in REVIEW_DATASETS if each.folder in parents), None)


def _profile_beside(path: Path, dataset: Dataset | None) -> Profile | None:
    """Return the profile that bronze would read beside a file: in its folder, or its dataset's."""
    folder = path.absolute().parent
    of_dataset = [up for up in folder.parents if up.name in {d.folder for d in REVIEW_DATASETS}]
    for place in (folder, *of_dataset[:1]):
        for name in PROFILES:
            if (place / name).is_file():
                content, name_of = profile_content(place / name), str(place / name)
                if dataset:
                    return parse_for(dataset, content, name_of)
                return parse_profile(content, name_of)
    return None


def _described(opened: OpenFile) -> Inspection:
    file_format, profile = opened.source.format, opened.profile
    near = [] if profile else nearest(opened.profiles, opened.present)[:_NEAREST]
    return Inspection(
        file=opened.file.path,
        container=file_format.container,
        compression=file_format.compression,
        charset=file_format.charset,
        delimiter=file_format.delimiter,
        quote=quote_of(file_format, profile),
        columns=list(opened.present),
        dataset=opened.dataset.name,
        profile=profile.name if profile else None,
        user_defined=bool(profile and not profile.built_in),
        nearest=[Nearest(profile=each.name, missing=each.missing(opened.present)) for each in near],
        missing=[] if profile else missing_meanings(opened.dataset.name, opened.present),
    )


def _map_records(spark: SparkSession, opened: OpenFile, inspection: Inspection) -> None:
    """Add the counts and rows of the first records to the inspection."""
    batches = record_batches(opened.source, opened.profile, opened.file, "")
    bronze, inspection.complete = _first_records(batches)
    inspection.records = sum(batch.num_rows for batch in bronze)
    if not inspection.records:
        return
    with explaining(temporary_files()), TemporaryDirectory() as folder:
        # The engine takes a frame of this size from a file only.
        pq.write_table(
            pa.Table.from_batches(bronze), f"{folder}/bronze.parquet", use_dictionary=["header"]
        )
        bronze.clear()
        frame = spark.read.parquet(f"{folder}/bronze.parquet")
        parts = [part.rows.toArrow() for part in cleaned_parts(opened.dataset, frame)]
        rows = pa.concat_tables(parts).sort_by("line")
    _count(rows, opened.dataset, inspection)


def _first_records(batches: Iterator[pa.RecordBatch]) -> tuple[list[pa.RecordBatch], bool]:
    """Return the first records, and True if these are all."""
    taken: list[pa.RecordBatch] = []
    room, size = MOST_RECORDS, 0
    for batch in batches:
        sizes = pa.compute.binary_length(batch["raw"]).to_pylist()
        fitting = 0
        for length in islice(sizes, room):
            size += length
            if size > _MOST_BYTES and (taken or fitting):
                break
            fitting += 1
        taken.append(batch.slice(0, fitting))
        room -= fitting
        if fitting < batch.num_rows:
            return taken, False
        if not room:
            return taken, next(batches, None) is None
    return taken, True


def _count(rows: pa.Table, dataset: Dataset, inspection: Inspection) -> None:
    seen: set[Any] = set()
    unknown: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
        part = rows.slice(start, _ROWS_AT_ONCE)
        # Values of rejected records may be out of the range of Python's types.
        facts = part.select(["line", "reason", "rescued", dataset.unique_key])
        listed = facts.to_pylist(maps_as_pydicts="lossy")
        for number, (row, detail) in enumerate(zip(listed, rejection_details(part), strict=True)):
            for name, text in (row["rescued"] or {}).items():
                unknown[name] += 1
                examples.setdefault(name, (text or "")[:_LONGEST_EXAMPLE])
            if reason := row["reason"]:
                problem = inspection.rejected.setdefault(reason, Problem(0, row["line"], detail))
                problem.records += 1
            elif row[dataset.unique_key] in seen:
                inspection.duplicates += 1
            else:
                seen.add(row[dataset.unique_key])
                inspection.kept += 1
                if len(inspection.mapped) < _MAPPED:
                    mapped = part.slice(number, 1).drop_columns([*_ORIGIN])
                    inspection.mapped += mapped.to_pylist(maps_as_pydicts="lossy")
    inspection.unknown_fields = {
        name: UnknownField(records, examples[name]) for name, records in unknown.most_common()
    }


def _why_nothing_is_kept(opened: OpenFile, inspection: Inspection) -> str:
    if not inspection.records:
        return "has no records"
    if opened.profile is None:
        return describe_misfit(opened.profiles, opened.present)
    if lacking := lacking_fields(opened.profile, opened.present):
        return f"is of the profile {opened.profile.name}, but lacks {lacking}"
    reason, problem = next(iter(inspection.rejected.items()))
    return f"has only rejected records; line {problem.line}: {reason} ({problem.detail})"
