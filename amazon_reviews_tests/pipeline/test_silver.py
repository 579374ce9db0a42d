"""Every line in exactly one place: a silver row, a counted duplicate, or a refused line."""

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
from amazon_reviews.pipeline.reconciliation import all_accounts
from amazon_reviews.pipeline.silver import batches, build_silver
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


def bring(spark, landing, lakehouse, *lines, dataset=REVIEWS, file="part-0.json.gz"):
    """Bring lines to silver as the only partition; returns its report."""
    upload(landing, dataset.folder, NAME, *lines, file=file)
    return build_silver_all(spark, landing, lakehouse, dataset)[NAME]


def places(lakehouse, dataset):
    """The lines in silver, among the duplicates, and among the refused, by partition and file."""
    others = [
        [row[1:] for row in rows(lakehouse, key, "table", *ORIGIN) if row[0] == dataset.name]
        for key in ("silver/duplicates", "silver/rejected")
    ]
    return rows(lakehouse, dataset.silver, *ORIGIN), *others


def assert_every_line_once(lakehouse, dataset=REVIEWS):
    found = [origin for place in places(lakehouse, dataset) for origin in place]
    assert Counter(found) == Counter(rows(lakehouse, dataset.bronze, *ORIGIN))


@pytest.fixture(scope="module")
def sample(spark, tmp_path_factory):
    """A generated landing zone, brought to silver in batches, with its truth."""
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
def test_a_sample_ends_where_its_truth_says(sample, dataset):
    expected = sample.truth[dataset.name]

    reports = sample.reports[dataset.name]

    found = {
        name: {
            "lines": report.lines,
            "distinct": report.kept,
            "duplicates_within": report.duplicates,
            "rejected": dict(sorted(report.rejected.items())),
        }
        for name, report in reports.items()
    }
    assert found == expected
    assert sum(part["duplicates_within"] for part in expected.values()) > 0
    assert set().union(*(part["rejected"] for part in expected.values())) > {"not_json"}


@pytest.mark.parametrize("dataset", [REVIEWS, PRODUCTS], ids=["reviews", "products"])
def test_tables_hold_what_the_reports_say(sample, dataset):
    kept, repeated, refused = (
        Counter(partition for partition, *_ in place) for place in places(sample.lakehouse, dataset)
    )
    for name, report in sample.reports[dataset.name].items():
        counts = (kept[name], repeated[name], refused[name])
        assert counts == (report.kept, report.duplicates, report.rejected.total())
    assert_every_line_once(sample.lakehouse, dataset)


def test_the_books_balance_in_bronze_and_silver(sample):
    accounts = [one for one in all_accounts(sample.lakehouse) if one.layer != "gold"]

    assert {(one.layer, one.table) for one in accounts} == {
        (layer, table) for layer in ("bronze", "silver") for table in ("reviews", "products")
    }
    assert all(one.balanced and one.lines > 0 for one in accounts)


def test_the_first_line_by_file_and_number_is_kept(spark, landing, lakehouse):
    upload(landing, "amazon_reviews", NAME, review(vote="3"), review(vote="4"), file="b.json")
    upload(landing, "amazon_reviews", NAME, "broken", review(vote="2"), file="a.json")
    upload(landing, "amazon_reviews", "partition_2", review(vote="5"), file="0.json")

    reports = build_silver_all(spark, landing, lakehouse, REVIEWS)

    assert rows(lakehouse, "silver/reviews", "partition", "file", "line", "vote") == [
        (NAME, "a.json", 2, 2),
        ("partition_2", "0.json", 1, 5),
    ]
    (identity,) = {row[0] for row in rows(lakehouse, "silver/reviews", "review_id")}
    assert rows(lakehouse, "silver/duplicates", "id", "table", *ORIGIN) == [
        (identity, "reviews", NAME, "b.json", 1),
        (identity, "reviews", NAME, "b.json", 2),
    ]
    assert (reports[NAME].kept, reports[NAME].duplicates) == (1, 2)
    assert reports["partition_2"].duplicates == 0


def test_a_refused_line_is_no_winner_over_the_same_review(spark, landing, lakehouse):
    bring(spark, landing, lakehouse, review(vote="many"), review(vote="2"), review(vote="1"))

    assert rows(lakehouse, "silver/reviews", "line", "vote") == [(2, 2)]
    assert rows(lakehouse, "silver/duplicates", "line") == [(3,)]
    assert rows(lakehouse, "silver/rejected", "line", "reason") == [(1, "wrong_type")]


def test_ten_lines_of_one_number_in_another_file_are_others(spark, landing, lakehouse):
    texts = [review(reviewText=f"text {n}") for n in range(3)]
    upload(landing, "amazon_reviews", NAME, *texts, file="a.json")
    upload(landing, "amazon_reviews", NAME, *reversed(texts), file="b.json")

    build_silver_all(spark, landing, lakehouse, REVIEWS)

    kept, repeated, _ = places(lakehouse, REVIEWS)
    assert kept == [(NAME, "a.json", n) for n in (1, 2, 3)]
    assert repeated == [(NAME, "b.json", n) for n in (1, 2, 3)]


def test_product_lines_repeat_by_their_text(spark, landing, lakehouse):
    line = json.dumps(product())
    lines = (line, f"  {line} \r", product(price="$1.00"))

    report = bring(spark, landing, lakehouse, *lines, dataset=PRODUCTS)

    assert (report.kept, report.duplicates) == (2, 1)
    assert rows(lakehouse, "silver/products", "line", "asin") == [
        (1, "B0007RAE7A"),
        (3, "B0007RAE7A"),
    ]
    assert rows(lakehouse, "silver/duplicates", "table", "line") == [("products", 2)]


LARGE = review(reviewText="x" * (4 << 20))
REFUSED_REVIEWS = {
    "cut": ('{"asin": "B1"', "not_json"),
    "python": (str(review()), "not_json"),
    "two objects": (json.dumps(review()) * 2, "not_json"),
    "a list without brackets": (f"{json.dumps(review())}, {json.dumps(review())}", "not_json"),
    "an object broken open": ('{"asin": "B1"}, "overall": {"x": 5}', "not_json"),
    "not a number": ('{"overall": NaN}', "not_json"),
    "control character": ('{"asin": "a\x01"}', "not_json"),
    "byte order mark inside": ("\ufeff" + json.dumps(review()), "not_json"),
    "no-break space": ("\u00a0", "not_json"),
    "array": ("[]", "not_an_object"),
    "array of objects": (f"[{json.dumps(review())}]", "not_an_object"),
    "text": ('"a review"', "not_an_object"),
    "number": ("42", "not_an_object"),
    "null": ("null", "not_an_object"),
    "not text": (b'{"asin": "\xff"}', "not_utf8"),
    "too large": (json.dumps(LARGE), "too_large"),
    "empty object": ("{}", "missing_field"),
    "no reviewer": (review(reviewerID=...), "missing_field"),
    "reviewer null": (review(reviewerID=None), "missing_field"),
    "reviewer blank": (review(reviewerID=" "), "missing_field"),
    "no product": (review(asin=...), "missing_field"),
    "no stars": (review(overall=...), "missing_field"),
    "neither text nor summary": (review(reviewText=..., summary=...), "missing_field"),
    "both null": (review(reviewText=None, summary=None), "missing_field"),
    "stars in words": (review(overall="five"), "wrong_type"),
    "stars true": (review(overall=True), "wrong_type"),
    "stars a list": (review(overall=[5]), "wrong_type"),
    "stars not a number": (review(overall="NaN"), "wrong_type"),
    "product a list": (review(asin=["B1"]), "wrong_type"),
    "text an object": (review(reviewText={"text": "fine"}), "wrong_type"),
    "summary a list": (review(summary=[]), "wrong_type"),
    "verified in words": (review(verified="perhaps"), "wrong_type"),
    "vote in words": (review(vote="many"), "wrong_type"),
    "vote a fraction": (review(vote="1.5"), "wrong_type"),
    "style a text": (review(style="blue"), "wrong_type"),
    "image a text": (review(image="https://example.org/a.jpg"), "wrong_type"),
    "time in words": (review(unixReviewTime="today"), "wrong_type"),
    "no such day": (review(unixReviewTime=..., reviewTime="02 30, 2016"), "wrong_type"),
    "a year of two digits": (review(unixReviewTime=None, reviewTime="9 1, 16"), "wrong_type"),
    "a month of another language": (
        review(unixReviewTime="", reviewTime="Mai 1, 2016"),
        "wrong_type",
    ),
    "a day that is a number": (review(unixReviewTime=..., reviewTime=5), "wrong_type"),
    "six stars": (review(overall=6), "out_of_range"),
    "minus one": (review(overall=-1.0), "out_of_range"),
    "half a star": (review(overall=0.5), "out_of_range"),
    "endless stars": (review(overall="Infinity"), "out_of_range"),
    "votes below zero": (review(vote="-2"), "out_of_range"),
    "time zero": (review(unixReviewTime=0), "out_of_range"),
    "milliseconds": (review(unixReviewTime=1_472_688_000_000), "out_of_range"),
    "a day before the shop": (review(unixReviewTime=..., reviewTime="12 31, 1994"), "out_of_range"),
    "a day too late": (review(unixReviewTime=..., reviewTime="2100-01-01"), "out_of_range"),
    "before the shop": (review(unixReviewTime=788_918_399), "out_of_range"),
}
REFUSED_PRODUCTS = {
    "cut": ('{"asin": "B1"', "not_json"),
    "array": ("[]", "not_an_object"),
    "not text": (b'{"asin": "\xff"}', "not_utf8"),
    "too large": (json.dumps(product(title="x" * (4 << 20))), "too_large"),
    "no asin": (product(asin=...), "missing_field"),
    "asin null": (product(asin=None), "missing_field"),
    "asin blank": (product(asin=" "), "missing_field"),
    "asin a list": (product(asin=["B1"]), "wrong_type"),
    "title an object": (product(title={"en": "can"}), "wrong_type"),
    "category a text": (product(category="Garden"), "wrong_type"),
    "also bought an object": (product(also_buy={"a": 1}), "wrong_type"),
    "image a text": (product(image="https://example.org/a.jpg"), "wrong_type"),
}
REFUSED = {"reviews": REFUSED_REVIEWS, "products": REFUSED_PRODUCTS}


@pytest.fixture(scope="module")
def refused(spark, tmp_path_factory):
    """All refused lines in one partition each: by table and line number."""
    folder = tmp_path_factory.mktemp("refused")
    landing = LandingZone(location=str(folder / "landing"))
    lakehouse = Lakehouse(location=str(folder / "lakehouse"))
    for dataset in (REVIEWS, PRODUCTS):
        lines = [line for line, _ in REFUSED[dataset.name].values()]
        bring(spark, landing, lakehouse, *lines, dataset=dataset)
    assert rows(lakehouse, "silver/duplicates", "line") == []
    columns = ("table", "line", "reason", "raw", "encoding", "detail", "partition", "file")
    return {
        (table, line): rest for table, line, *rest in rows(lakehouse, "silver/rejected", *columns)
    }


@pytest.mark.parametrize(
    ("table", "case"), [(table, case) for table, cases in REFUSED.items() for case in cases]
)
def test_a_line_is_refused_with_its_reason_and_unchanged(refused, table, case):
    line, expected = REFUSED[table][case]
    number = list(REFUSED[table]).index(case) + 1

    reason, raw, encoding, _, partition, file = refused[table, number]

    assert reason == expected
    given_back = base64.b64decode(raw) if encoding == "base64" else raw
    assert given_back == (json.dumps(line) if isinstance(line, dict) else line)
    assert encoding == ("base64" if isinstance(line, bytes) else "utf-8")
    assert (partition, file) == (NAME, "part-0.json.gz")


def test_every_reason_but_no_other_is_seen(refused):
    assert {reason for reason, *_ in refused.values()} == REASONS


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
        ("too large", f"{len(json.dumps(LARGE))} bytes; at most 4194304 are read"),
    ],
)
def test_the_detail_names_field_and_value(refused, case, expected):
    _, _, _, detail, *_ = refused["reviews", list(REFUSED_REVIEWS).index(case) + 1]

    assert detail == expected


def test_refused_lines_say_when(spark, landing, lakehouse):
    before = datetime.now(UTC)

    bring(spark, landing, lakehouse, "broken")

    ((when, hub_partition, number),) = rows(
        lakehouse, "silver/rejected", "rejected_at", "hub_partition", "sequence_number"
    )
    assert before <= when <= datetime.now(UTC)
    assert hub_partition is None
    assert number is None


def test_a_line_of_ten_megabytes_is_refused_in_full(spark, landing, lakehouse):
    line = json.dumps(review(reviewText="é" * 5_000_000), ensure_ascii=False)

    bring(spark, landing, lakehouse, review(), line)

    assert rows(lakehouse, "silver/rejected", "raw", "reason", "line") == [(line, "too_large", 2)]


def test_unknown_fields_are_kept(spark, landing, lakehouse):
    bring(
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


def test_unknown_fields_of_products_are_kept(spark, landing, lakehouse):
    bring(spark, landing, lakehouse, product(), product(sold_by="us"), dataset=PRODUCTS)

    assert rows(lakehouse, "silver/products", "line", "rescued") == [
        (1, None),
        (2, [("sold_by", "us")]),
    ]


@pytest.mark.parametrize("lines", [(), ("", "  ")], ids=["no line", "blank lines"])
def test_an_empty_file_empties_its_partition_and_says_so(spark, landing, lakehouse, lines):
    upload(landing, "amazon_reviews", "partition_2", review())
    bring(spark, landing, lakehouse, review(), review(), "broken")

    report = bring(spark, landing, lakehouse, *lines)

    assert (report.lines, report.kept, report.duplicates, report.rejected.total()) == (0, 0, 0, 0)
    assert places(lakehouse, REVIEWS) == ([("partition_2", "part-0.json.gz", 1)], [], [])


def test_a_partition_that_bronze_never_read_is_missing_input(spark, landing, lakehouse):
    with pytest.raises(FailedPartitionsError, match="bronze/reviews has no partition_1"):
        list(build_silver(spark, lakehouse, REVIEWS, [NAME], BATCH_ROWS))
    bring(spark, landing, lakehouse, review())

    wanted = [NAME, "partition_2", "partition_3"]
    with pytest.raises(FailedPartitionsError, match=r"no partition_3; materialize") as failed:
        list(build_silver(spark, lakehouse, REVIEWS, wanted, BATCH_ROWS))

    assert list(failed.value.errors) == ["partition_2", "partition_3"]
    assert {type(error) for error in failed.value.errors.values()} == {MissingInputError}


def test_refining_again_gives_the_same(spark, landing, lakehouse):
    lines = (review(), review(), "broken", review(reviewText="other"), review(overall=9))
    bring(spark, landing, lakehouse, *lines)
    keys = ("silver/reviews", "silver/duplicates", "silver/rejected")
    before = {key: content(lakehouse, key) for key in keys}

    list(build_silver(spark, lakehouse, REVIEWS, [NAME], BATCH_ROWS))

    assert {key: content(lakehouse, key) for key in keys} == before


def test_a_new_upload_takes_the_place_of_all_that_came_of_the_old(spark, landing, lakehouse):
    upload(landing, "amazon_metadata", NAME, product(), product(), "broken")
    upload(landing, "amazon_reviews", "partition_2", review(), review(), "broken")
    build_silver_all(spark, landing, lakehouse, PRODUCTS)
    bring(spark, landing, lakehouse, review(), review(), "broken")
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


def test_a_line_that_would_end_nowhere_is_an_error(spark, landing, lakehouse):
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
def test_batches_hold_no_more_than_asked_but_at_least_one(rows_each, expected):
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
def test_every_one_of_many_dirty_lines_ends_in_exactly_one_place(spark, tmp_path_factory, files):
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
    """How many lines of a file hold anything, counted without the project."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return sum(1 for line in content.split(b"\n") if line.strip())
