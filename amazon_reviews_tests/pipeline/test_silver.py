"""Silver: every line is a row, a duplicate, or a rejected line with its reason."""

import base64
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.errors import FailedPartitionsError, LostLinesError, MissingInputError
from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.partition_batches import batches
from amazon_reviews.pipeline.reconciliation import reconcile_all
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import (
    BATCH_ROWS,
    build_silver_all,
    content,
    ingest_all,
    product,
    review,
    rows,
    upload,
)
from amazon_reviews_tests.transforms.rejected_lines import (
    REJECTED,
    REJECTED_REVIEWS,
)

NAME = "partition_1"
ORIGIN = ("partition", "file", "line")
SAMPLE = SampleOptions(
    reviews=2_000,
    products=150,
    users=300,
    partitions=6,
    events=0,
    seed=11,
    duplicates_within=0.04,
    duplicates_across=0.03,
    malformed=0.03,
    unknown_fields=0.02,
)
REASONS = {
    *("not_json", "not_utf8", "not_an_object", "missing_field"),
    *("wrong_type", "out_of_range", "too_large"),
}


def bring_to_silver(spark, landing, lakehouse, *lines, dataset=REVIEWS, file="part-0.json.gz"):
    """Bring lines to silver as the only partition; return its counts."""
    upload(landing, dataset.folder, NAME, *lines, file=file)
    return build_silver_all(spark, landing, lakehouse, dataset)[NAME]


def origins(lakehouse, dataset):
    """Return the origins of lines in silver, of duplicates, and of rejected lines."""
    others = [
        [row[1:] for row in rows(lakehouse, key, "table", *ORIGIN) if row[0] == dataset.name]
        for key in ("silver/duplicates", "silver/rejected")
    ]
    return rows(lakehouse, dataset.silver, *ORIGIN), *others


def assert_every_line_once(lakehouse, dataset=REVIEWS):
    ends = [origin for table in origins(lakehouse, dataset) for origin in table]
    assert Counter(ends) == Counter(rows(lakehouse, dataset.bronze, *ORIGIN))


@pytest.fixture(scope="module")
def sample(spark, tmp_path_factory):
    """A generated landing zone in silver, built in batches, with its truth."""
    folder = tmp_path_factory.mktemp("sample")
    truth = generate(SAMPLE, folder / "landing")
    landing = LandingZone(location=str(folder / "landing"))
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    reports = {}
    for dataset in (REVIEWS, PRODUCTS):
        names = ingest_all(landing, lakehouse, dataset)
        reports[dataset.name] = dict(build_silver(spark, lakehouse, dataset, names, 800))
    return SimpleNamespace(lakehouse=lakehouse, truth=truth, reports=reports)


@pytest.mark.parametrize("dataset", [REVIEWS, PRODUCTS], ids=["reviews", "products"])
def test_silver_counts_agree_with_truth_of_sample(sample, dataset):
    expected = sample.truth[dataset.name]

    reports = sample.reports[dataset.name]

    counts = {
        name: {
            "lines": report.lines,
            "distinct": report.kept,
            "duplicates_within": report.duplicates,
            "rejected": dict(sorted(report.rejected.items())),
        }
        for name, report in reports.items()
    }
    assert counts == expected
    assert sum(part["duplicates_within"] for part in expected.values()) > 0
    assert set().union(*(part["rejected"] for part in expected.values())) > {"not_json"}


@pytest.mark.parametrize("dataset", [REVIEWS, PRODUCTS], ids=["reviews", "products"])
def test_silver_tables_agree_with_their_counts(sample, dataset):
    kept, repeated, rejected = (
        Counter(partition for partition, *_ in table)
        for table in origins(sample.lakehouse, dataset)
    )
    for name, report in sample.reports[dataset.name].items():
        counts = (kept[name], repeated[name], rejected[name])
        assert counts == (report.kept, report.duplicates, report.rejected.total())
    assert_every_line_once(sample.lakehouse, dataset)


def test_bronze_and_silver_are_balanced(sample):
    reconciliations = [row for row in reconcile_all(sample.lakehouse) if row.layer != "gold"]

    assert {(row.layer, row.table) for row in reconciliations} == {
        (layer, table) for layer in ("bronze", "silver") for table in ("reviews", "products")
    }
    assert all(row.balanced and row.lines > 0 for row in reconciliations)


def test_first_of_equal_reviews_by_file_and_line_is_kept(spark, landing, lakehouse):
    upload(landing, "amazon_reviews", NAME, review(vote="3"), review(vote="4"), file="b.json")
    upload(landing, "amazon_reviews", NAME, "broken", review(vote="2"), file="a.json")
    upload(landing, "amazon_reviews", "partition_2", review(vote="5"), file="0.json")

    reports = build_silver_all(spark, landing, lakehouse, REVIEWS)

    assert rows(lakehouse, "silver/reviews", "partition", "file", "line", "vote") == [
        (NAME, "a.json", 2, 2),
        ("partition_2", "0.json", 1, 5),
    ]
    (review_id,) = {row[0] for row in rows(lakehouse, "silver/reviews", "review_id")}
    assert rows(lakehouse, "silver/duplicates", "id", "table", *ORIGIN) == [
        (review_id, "reviews", NAME, "b.json", 1),
        (review_id, "reviews", NAME, "b.json", 2),
    ]
    assert (reports[NAME].kept, reports[NAME].duplicates) == (1, 2)
    assert reports["partition_2"].duplicates == 0


def test_rejected_line_does_not_replace_a_usable_one_of_the_same_review(spark, landing, lakehouse):
    bring_to_silver(
        spark, landing, lakehouse, review(vote="many"), review(vote="2"), review(vote="1")
    )

    assert rows(lakehouse, "silver/reviews", "line", "vote") == [(2, 2)]
    assert rows(lakehouse, "silver/duplicates", "line") == [(3,)]
    assert rows(lakehouse, "silver/rejected", "line", "reason") == [(1, "wrong_type")]


def test_lines_of_the_same_number_in_two_files_are_different(spark, landing, lakehouse):
    texts = [review(reviewText=f"text {n}") for n in range(3)]
    upload(landing, "amazon_reviews", NAME, *texts, file="a.json")
    upload(landing, "amazon_reviews", NAME, *reversed(texts), file="b.json")

    build_silver_all(spark, landing, lakehouse, REVIEWS)

    kept, repeated, _ = origins(lakehouse, REVIEWS)
    assert kept == [(NAME, "a.json", n) for n in (1, 2, 3)]
    assert repeated == [(NAME, "b.json", n) for n in (1, 2, 3)]


def test_product_lines_of_equal_text_are_duplicates(spark, landing, lakehouse):
    line = json.dumps(product())
    lines = (line, f"  {line} \r", product(price="$1.00"))

    report = bring_to_silver(spark, landing, lakehouse, *lines, dataset=PRODUCTS)

    assert (report.kept, report.duplicates) == (2, 1)
    assert rows(lakehouse, "silver/products", "line", "asin") == [
        (1, "B0007RAE7A"),
        (3, "B0007RAE7A"),
    ]
    assert rows(lakehouse, "silver/duplicates", "table", "line") == [("products", 2)]


@pytest.fixture(scope="module")
def rejected(spark, tmp_path_factory):
    """All rejected lines in one partition each: by table and line number."""
    folder = tmp_path_factory.mktemp("rejected")
    landing = LandingZone(location=str(folder / "landing"))
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    for dataset in (REVIEWS, PRODUCTS):
        lines = [line for line, _ in REJECTED[dataset.name].values()]
        bring_to_silver(spark, landing, lakehouse, *lines, dataset=dataset)
    assert rows(lakehouse, "silver/duplicates", "line") == []
    columns = ("table", "line", "reason", "raw", "encoding", "detail", "partition", "file")
    return {
        (table, line): rest for table, line, *rest in rows(lakehouse, "silver/rejected", *columns)
    }


@pytest.mark.parametrize(
    ("table", "case"), [(table, case) for table, cases in REJECTED.items() for case in cases]
)
def test_rejected_line_has_its_reason_origin_and_unchanged_text(rejected, table, case):
    line, expected = REJECTED[table][case]
    number = list(REJECTED[table]).index(case) + 1

    reason, raw, encoding, _, partition, file = rejected[table, number]

    assert reason == expected
    original = base64.b64decode(raw) if encoding == "base64" else raw
    whole = json.dumps(line) if isinstance(line, dict) else line
    assert original == (whole[: 64 * 1024] if reason == "too_large" else whole)
    assert encoding == ("base64" if isinstance(line, bytes) else "utf-8")
    assert (partition, file) == (NAME, "part-0.json.gz")


def test_rejected_lines_have_all_reasons_and_no_other(rejected):
    assert {reason for reason, *_ in rejected.values()} == REASONS


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("stars in words", "overall: five"),
        ("six stars", "overall: 6"),
        ("reviewer null", "reviewerID: absent"),
        ("vote a fraction", "vote: 1.5"),
        ("milliseconds", "unixReviewTime: 1472688000000"),
        ("no such day", "reviewTime: 02 30, 2016"),
        ("number", "the number 42"),
        ("null", "null"),
        ("not text", "byte 11 of 13 is 0xFF; write UTF-8"),
        ("too large", "more than 4,194,304 bytes; its first characters are kept"),
    ],
)
def test_detail_describes_the_fault_of_a_line(rejected, case, expected):
    _, _, _, detail, *_ = rejected["reviews", list(REJECTED_REVIEWS).index(case) + 1]

    assert detail == expected


def test_rejected_line_has_the_time_of_its_rejection(spark, landing, lakehouse):
    before = datetime.now(UTC)

    bring_to_silver(spark, landing, lakehouse, "broken")

    ((rejected_at, hub_partition, number),) = rows(
        lakehouse, "silver/rejected", "rejected_at", "hub_partition", "sequence_number"
    )
    assert before <= rejected_at <= datetime.now(UTC)
    assert hub_partition is None
    assert number is None


def test_line_of_ten_megabytes_is_rejected_with_its_beginning(spark, landing, lakehouse):
    line = json.dumps(review(reviewText="é" * 5_000_000), ensure_ascii=False)

    bring_to_silver(spark, landing, lakehouse, review(), line)

    ((raw, reason, number),) = rows(lakehouse, "silver/rejected", "raw", "reason", "line")
    assert (reason, number) == ("too_large", 2)
    assert raw == line[: 64 * 1024]
    ((kept,),) = [r for r in rows(lakehouse, "bronze/reviews", "raw") if len(r[0]) > 10**6]
    assert line.startswith(kept)
    assert 2**22 < len(kept.encode()) < 2**22 + 5


def test_unknown_fields_of_reviews_are_rescued(spark, landing, lakehouse):
    bring_to_silver(
        spark,
        landing,
        lakehouse,
        review(),
        review(reviewText="1", helpful=[1, 2], lang="en"),
        review(reviewText="2", Overall=3, style={"Size:": " L"}),
        review(reviewText='{"not": "a field"}, "nor": 1'),
    )

    assert rows(lakehouse, "silver/reviews", "line", "rescued") == [
        (1, None),
        (2, [("helpful", "[1,2]"), ("lang", "en")]),
        (3, [("Overall", "3")]),
        (4, None),
    ]


def test_unknown_fields_of_products_are_rescued(spark, landing, lakehouse):
    bring_to_silver(spark, landing, lakehouse, product(), product(sold_by="us"), dataset=PRODUCTS)

    assert rows(lakehouse, "silver/products", "line", "rescued") == [
        (1, None),
        (2, [("sold_by", "us")]),
    ]


@pytest.mark.parametrize("lines", [(), ("", "  ")], ids=["no line", "blank lines"])
def test_empty_file_empties_its_partition(spark, landing, lakehouse, lines):
    upload(landing, "amazon_reviews", "partition_2", review())
    bring_to_silver(spark, landing, lakehouse, review(), review(), "broken")

    report = bring_to_silver(spark, landing, lakehouse, *lines)

    assert (report.lines, report.kept, report.duplicates, report.rejected.total()) == (0, 0, 0, 0)
    assert origins(lakehouse, REVIEWS) == ([("partition_2", "part-0.json.gz", 1)], [], [])


def test_partition_that_bronze_never_read_is_missing_input(spark, landing, lakehouse):
    with pytest.raises(FailedPartitionsError, match="bronze/reviews has no partition_1"):
        list(build_silver(spark, lakehouse, REVIEWS, [NAME], BATCH_ROWS))
    bring_to_silver(spark, landing, lakehouse, review())

    names = [NAME, "partition_2", "partition_3"]
    with pytest.raises(FailedPartitionsError, match=r"no partition_3; materialize") as failed:
        list(build_silver(spark, lakehouse, REVIEWS, names, BATCH_ROWS))

    assert list(failed.value.errors) == ["partition_2", "partition_3"]
    assert {type(error) for error in failed.value.errors.values()} == {MissingInputError}


def test_second_build_of_silver_changes_nothing(spark, landing, lakehouse):
    lines = (review(), review(), "broken", review(reviewText="other"), review(overall=9))
    bring_to_silver(spark, landing, lakehouse, *lines)
    keys = ("silver/reviews", "silver/duplicates", "silver/rejected")
    before = {key: content(lakehouse, key) for key in keys}

    list(build_silver(spark, lakehouse, REVIEWS, [NAME], BATCH_ROWS))

    assert {key: content(lakehouse, key) for key in keys} == before


def test_new_upload_replaces_all_rows_of_its_partition(spark, landing, lakehouse):
    upload(landing, "amazon_metadata", NAME, product(), product(), "broken")
    upload(landing, "amazon_reviews", "partition_2", review(), review(), "broken")
    build_silver_all(spark, landing, lakehouse, PRODUCTS)
    bring_to_silver(spark, landing, lakehouse, review(), review(), "broken")
    others = ("silver/products", "silver/duplicates", "silver/rejected")

    upload(landing, "amazon_reviews", NAME, review(reviewText="new"))
    ingest(landing, lakehouse, REVIEWS, NAME)
    list(build_silver(spark, lakehouse, REVIEWS, [NAME], BATCH_ROWS))

    assert rows(lakehouse, "silver/reviews", "partition", "review_text") == [
        (NAME, "new"),
        ("partition_2", "It works well."),
    ]
    assert [rows(lakehouse, key, "partition", "line") for key in others] == [
        [(NAME, 1)],
        [(NAME, 2), ("partition_2", 2)],
        [(NAME, 3), ("partition_2", 3)],
    ]
    assert rows(lakehouse, "silver/rejected", "table", "partition") == [
        ("products", NAME),
        ("reviews", "partition_2"),
    ]


def test_lost_line_is_an_error(spark, landing, lakehouse):
    upload(landing, "amazon_reviews", NAME, review(), review(reviewText="other"))
    ingest(landing, lakehouse, REVIEWS, NAME)
    forgetful = replace(REVIEWS, clean=lambda typed: REVIEWS.clean(typed).where("line = 1"))

    with pytest.raises(FailedPartitionsError, match="silver/reviews partition_1") as failed:
        list(build_silver(spark, lakehouse, forgetful, [NAME], BATCH_ROWS))

    assert isinstance(failed.value.errors[NAME], LostLinesError)


@pytest.mark.parametrize(
    ("rows_each", "expected"),
    [
        ([], []),
        ([1, 1, 1], [["a", "b", "c"]]),
        ([2, 1, 3], [["a", "b"], ["c"]]),
        ([9, 0, 9], [["a"], ["b"], ["c"]]),
        ([0, 0, 0], [["a", "b", "c"]]),
        ([9, 9, 1], [["a"], ["b"], ["c"]]),
    ],
)
def test_batches_hold_at_most_the_given_rows_and_at_least_one_partition(rows_each, expected):
    names = ["a", "b", "c"][: len(rows_each)]

    assert list(batches(names, dict(zip(names, rows_each, strict=True)), 3)) == expected


ODD_TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", " ", "\ufeff", "NaN", "1,341", "5.0", "true", "[", "{", '{"a":', "null"]),
)
ODD_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**25), 10**25),
        st.integers(-2, 7),
        st.floats(),
        ODD_TEXTS,
        st.text(st.characters(categories=["Cs", "Cc"]), max_size=3),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXTS, inner, max_size=3),
    max_leaves=4,
)
FIELDS = st.sampled_from([*review(), "vote", "style", "image", "reviewTime", "reviewerName", "odd"])
RECORDS = st.builds(
    lambda odd, left_out: {
        name: value for name, value in (review() | odd).items() if name not in left_out
    },
    st.dictionaries(FIELDS, ODD_VALUES, max_size=3),
    st.sets(FIELDS, max_size=1),
)


def nested(depth, value):
    return f'{{"odd": {"[" * depth}{"]" * depth}, {value[1:]}'


def twice(text, key, value):
    return f"{text[:-1]}, {json.dumps(key)}: {json.dumps(value)}}}"


JSON_LINES = st.builds(
    lambda record, ascii_only: json.dumps(record, ensure_ascii=ascii_only),
    RECORDS,
    st.booleans(),
)
TEXT_LINES = st.one_of(
    JSON_LINES,
    st.builds(lambda line, at: line[: at % len(line)], JSON_LINES, st.integers(1, 300)),
    st.builds(
        lambda line, at, odd: line[: at % len(line)] + odd + line[at % len(line) :],
        JSON_LINES,
        st.integers(0, 300),
        st.sampled_from(
            ["\x00", "\x01", "\x0b", "\x85", "\ufeff", "\u2028", "\\", '"', ",", "}", "\r"]
        ),
    ),
    st.builds(twice, JSON_LINES, FIELDS, ODD_VALUES),
    st.builds(nested, st.sampled_from([1, 60, 124, 125, 126, 127, 128, 500]), JSON_LINES),
    ODD_VALUES.map(json.dumps),
    st.text(max_size=10),
)
BYTE_LINES = st.one_of(
    TEXT_LINES.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=12),
    st.builds(
        lambda line, odd: line.encode("utf-8", "surrogatepass").replace(b"B0", odd),
        JSON_LINES,
        st.sampled_from([b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"]),
    ),
)
DIRTY_FILES = st.lists(st.lists(BYTE_LINES, min_size=20, max_size=150), min_size=1, max_size=2)
DIRTY = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(DIRTY, max_examples=6)
@given(files=DIRTY_FILES)
def test_every_dirty_line_ends_in_exactly_one_place(spark, tmp_path_factory, files):
    assert_dirty_lines_end_once(spark, tmp_path_factory.mktemp("dirty"), files)


@pytest.mark.long
@settings(DIRTY, max_examples=60)
@given(files=DIRTY_FILES)
def test_every_line_of_many_dirty_files_ends_in_exactly_one_place(spark, tmp_path_factory, files):
    assert_dirty_lines_end_once(spark, tmp_path_factory.mktemp("dirty"), files)


def assert_dirty_lines_end_once(spark, folder, files):
    landing = LandingZone(location=str(folder / "landing"))
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    for number, lines in enumerate(files):
        upload(landing, "amazon_reviews", NAME, *lines, file=f"{number}.json")

    report = build_silver_all(spark, landing, lakehouse, REVIEWS)[NAME]

    assert report.lines == sum(map(lines_of, Path(landing.location).rglob("*.json")))
    assert_every_line_once(lakehouse)
    assert {reason for (reason,) in rows(lakehouse, "silver/rejected", "reason")} <= REASONS


def lines_of(path):
    """Count the lines of a file that are not blank, without code of the project."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return sum(1 for line in content.split(b"\n") if line.strip())
