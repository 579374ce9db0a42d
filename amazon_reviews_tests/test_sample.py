"""The sample generator: its truth is checked against a count that shares no code with it."""

import csv
import gzip
import hashlib
import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from amazon_reviews.devtools.sample_data import SampleOptions, generate
from amazon_reviews.devtools.sample_data.dialects import public
from amazon_reviews.devtools.sample_data.reviews import Reviews

OPTIONS = SampleOptions(
    reviews=9_000,
    products=400,
    users=600,
    partitions=12,
    events=600,
    seed=3,
    duplicates_within=0.03,
    duplicates_across=0.02,
    malformed=0.02,
    unknown_fields=0.01,
)
REVIEW_KEYS = {
    *("image", "overall", "vote", "verified", "reviewTime", "reviewerID", "asin", "style"),
    *("reviewerName", "reviewText", "summary", "unixReviewTime"),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    out = tmp_path_factory.mktemp("sample")
    return out, generate(OPTIONS, out)


@pytest.fixture(scope="module")
def accepted(sample):
    """Every review line that is not refused, by partition, in order."""
    out, _ = sample
    return {
        partition.name: [json.loads(line) for line in lines_of(partition) if not refusal(line)]
        for partition in partitions(out / "amazon_reviews")
    }


def partitions(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: int(path.name.removeprefix("partition_")))


def lines_of(partition: Path) -> list[bytes]:
    lines = []
    for file in sorted(partition.iterdir()):
        content = file.read_bytes()
        content = gzip.decompress(content) if file.suffix == ".gz" else content
        lines += [line for line in content.split(b"\n") if line.strip()]
    return lines


def refusal(line: bytes) -> str | None:
    """Why a review line has to be refused, if it has to."""
    record, reason = parse(line)
    if reason:
        return reason
    texts = [record.get("reviewText"), record.get("summary")]
    if None in (record.get("reviewerID"), record.get("asin"), record.get("overall")):
        return "missing_field"
    if texts == [None, None]:
        return "missing_field"
    strings = [record["reviewerID"], record["asin"], *(text for text in texts if text is not None)]
    if not all(isinstance(value, str) for value in strings):
        return "wrong_type"
    try:
        stars = float(record["overall"])
    except ValueError:
        return "wrong_type"
    return None if 0 <= stars <= 5 else "out_of_range"


def product_refusal(line: bytes) -> str | None:
    product, reason = parse(line)
    if reason:
        return reason
    if product.get("asin") is None:
        return "missing_field"
    return None if isinstance(product["asin"], str) else "wrong_type"


def parse(line: bytes) -> tuple[dict, str | None]:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return {}, "not_utf8"
    except ValueError:
        return {}, "not_json"
    return (record, None) if isinstance(record, dict) else ({}, "not_an_object")


def identity(review: dict) -> tuple:
    stars = Decimal(str(review["overall"])).quantize(Decimal("0.1"))
    texts = (review.get("reviewText"), review.get("summary"))
    return review["reviewerID"], review["asin"], stars, *texts


def counts(lines, refused, key) -> tuple[dict, set]:
    rejected = Counter(reason for line in lines if (reason := refused(line)))
    seen = [key(line) for line in lines if not refused(line)]
    found = {
        "lines": len(lines),
        "distinct": len(set(seen)),
        "duplicates_within": len(seen) - len(set(seen)),
        "rejected": dict(rejected),
    }
    return found, set(seen)


def review_key(line: bytes) -> tuple:
    return identity(json.loads(line))


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_truth_of_reviews_is_what_a_reader_counts(sample):
    out, truth = sample
    gold = set()
    for partition in partitions(out / "amazon_reviews"):
        found, seen = counts(lines_of(partition), refusal, review_key)
        assert found == truth["reviews"][partition.name]
        gold |= seen
    assert truth["gold"]["reviews"] == len(gold)
    lines = (out / "events" / "events.jsonl").read_bytes().split(b"\n")[:-1]
    found, streamed = counts(lines, refusal, review_key)
    assert found | {"by_file": len(streamed & gold)} == truth["events"]
    assert truth["gold"]["reviews_with_events"] == len(gold | streamed)
    assert truth["events"]["by_file"] > 0


def test_truth_of_products_is_what_a_reader_counts(sample):
    out, truth = sample
    asins = set()
    folders = partitions(out / "amazon_metadata")
    assert len(folders) == 2
    for partition in folders:
        lines = lines_of(partition)
        found, seen = counts(lines, product_refusal, lambda line: line)
        assert found == truth["products"][partition.name]
        asins |= {json.loads(line)["asin"] for line in seen}
    assert truth["gold"]["products"] == len(asins) == OPTIONS.products


def test_truth_of_titles_and_ratings_is_what_a_reader_counts(sample):
    out, truth = sample
    assert list(truth["titles"]) == ["amazon", "disney", "hulu", "netflix"]
    ids = set()
    for platform, expected in truth["titles"].items():
        (file,) = (out / "titles").glob(f"{platform}*")
        records = csv_rows(file)
        own = {row["show_id"] for row in records}
        assert (len(records), len(own)) == (expected["lines"], expected["distinct"])
        ids |= {platform[0] + name for name in own}
    assert truth["gold"]["titles"] == len(ids)
    rated = set()
    for name, expected in truth["title_ratings"].items():
        records = csv_rows(out / "title_ratings" / f"{name}.csv.gz")
        own = {tuple(row.values()) for row in records}
        assert (len(records), len(own)) == (expected["lines"], expected["distinct"])
        assert {row["movieId"] for row in records} <= ids
        rated |= own
    assert truth["gold"]["title_ratings"] == len(rated)
    assert len(rated) < sum(expected["distinct"] for expected in truth["title_ratings"].values())


def test_titles_have_the_quirks_of_the_source(tmp_path):
    options = SampleOptions(reviews=1, products=1, users=1, partitions=1, events=0, titles=400)
    generate(options, tmp_path)
    hulu = csv_rows(tmp_path / "titles" / "hulu_titles.csv.gz")
    assert any(row["rating"].endswith((" min", " Seasons")) for row in hulu)
    assert any(not row["duration"] for row in hulu)
    netflix = csv_rows(tmp_path / "titles" / "netflix_titles.csv.gz")
    assert any(row["date_added"].startswith(" ") for row in netflix)
    assert any("\n" in row["description"] for row in netflix)


def csv_rows(file: Path) -> list[dict]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_truth_file_holds_what_generate_returns(sample):
    out, truth = sample
    assert json.loads((out / "truth.json").read_text()) == truth
    assert truth["seed"] == 3
    assert truth["options"]["duplicates_across"] == 0.02


def test_every_reason_occurs_and_lines_add_up(sample):
    _, truth = sample
    reviews = truth["reviews"].values()
    reasons = set().union(*(partition["rejected"] for partition in reviews))
    assert reasons == {
        *("not_json", "not_utf8", "not_an_object", "missing_field", "wrong_type", "out_of_range")
    }
    for part in (*reviews, *truth["products"].values(), truth["events"]):
        refused = sum(part["rejected"].values())
        assert part["lines"] == part["distinct"] + part["duplicates_within"] + refused


def test_shares_are_met(sample):
    _, truth = sample
    reviews = truth["reviews"].values()
    assert sum(part["lines"] for part in reviews) == OPTIONS.reviews
    within = sum(part["duplicates_within"] for part in reviews)
    refused = sum(sum(part["rejected"].values()) for part in reviews)
    across = sum(part["distinct"] for part in reviews) - truth["gold"]["reviews"]
    assert within == 0.03 * OPTIONS.reviews
    assert refused == 0.02 * OPTIONS.reviews
    assert across == pytest.approx(0.02 * OPTIONS.reviews, rel=0.05)


def test_unknown_fields_are_kept_on_valid_lines(accepted):
    reviews = [review for part in accepted.values() for review in part]
    unknown = sum(1 for review in reviews if set(review) - REVIEW_KEYS)
    assert 0.005 < unknown / len(reviews) < 0.015


def test_a_line_written_again_may_have_another_form(accepted):
    """Equal identities whose lines differ in types or order, beside plain copies."""
    forms = {}
    for number, part in accepted.items():
        for review in part:
            forms.setdefault((number, identity(review)), []).append(json.dumps(review))
    repeated = [lines for lines in forms.values() if len(lines) > 1]
    assert any(len(set(lines)) == 1 for lines in repeated)
    assert any(len(set(lines)) > 1 for lines in repeated)


def test_reviews_have_the_quirks_of_both_sources(accepted):
    reviews = [review for part in accepted.values() for review in part]
    assert {type(review["overall"]) for review in reviews} == {int, float}
    assert {type(review["verified"]) for review in reviews} == {bool, str}
    styles = [review["style"] for review in reviews if "style" in review]
    assert {type(style) for style in styles} == {dict, str}
    for style in styles:
        style = json.loads(style) if isinstance(style, str) else style
        assert all(key.endswith(":") and value.startswith(" ") for key, value in style.items())
    assert any("," in str(review.get("vote")) for review in reviews)
    assert len({tuple(review) for review in reviews}) > 20
    assert any("reviewText" not in review for review in reviews)
    assert any("<" in review.get("reviewText", "") for review in reviews)
    assert any("&amp;" in review.get("reviewText", "") for review in reviews)
    assert not any(review[key] is None for review in reviews for key in review)
    dated = sum("reviewTime" in review for review in reviews) / len(reviews)
    assert 0.35 < dated < 0.55


def test_some_files_end_in_a_blank_line(sample):
    out, _ = sample
    files = (out / "amazon_reviews").rglob("*.gz")
    endings = {gzip.decompress(path.read_bytes())[-2:] == b"\n\n" for path in files}
    assert endings == {True, False}


def test_stars_users_and_products_are_spread_as_in_the_source(accepted):
    reviews = [review for part in accepted.values() for review in part]
    stars = Counter(int(review["overall"]) for review in reviews)
    for value, share in {5: 0.64, 4: 0.17, 3: 0.08, 2: 0.04, 1: 0.07}.items():
        assert stars[value] / len(reviews) == pytest.approx(share, abs=0.03)
    for key in ("reviewerID", "asin"):
        common = [count for _, count in Counter(review[key] for review in reviews).most_common()]
        assert sum(common[: len(common) // 5]) > 0.4 * len(reviews)
    names = Counter(review.get("reviewerName") for review in reviews)
    assert names.most_common(1)[0][0] == "Amazon Customer"
    summaries = Counter(review.get("summary") for review in reviews)
    assert summaries.most_common(1)[0][0] == "Five Stars"


def test_years_grow_up_to_2016(accepted):
    reviews = [review for part in accepted.values() for review in part]
    years = Counter(1970 + int(review["unixReviewTime"] / 31_556_952) for review in reviews)
    assert years.most_common(1)[0][0] == 2016
    assert min(years) <= 2001
    assert max(years) == 2018


def test_some_reviews_lack_a_product_and_some_products_a_review(sample, accepted):
    out, _ = sample
    described = {
        json.loads(line)["asin"]
        for partition in partitions(out / "amazon_metadata")
        for line in lines_of(partition)
        if not product_refusal(line)
    }
    reviewed = [review["asin"] for part in accepted.values() for review in part]
    assert described - set(reviewed)
    assert 0.005 < sum(asin not in described for asin in reviewed) / len(reviewed) < 0.04


def test_products_have_the_quirks_of_the_pages(sample):
    out, _ = sample
    rows = [
        json.loads(line)
        for partition in partitions(out / "amazon_metadata")
        for line in lines_of(partition)
        if not product_refusal(line)
    ]
    assert {("image" in row, "imageURL" in row) for row in rows} == {(True, False), (False, True)}
    assert {type(row["rank"]) for row in rows} == {str, list}
    prices = "\n".join(row["price"] for row in rows)
    for form in (r"$", " - $", ".a-box-inner", "<script"):
        assert form in prices
    assert any(row["price"] == "" for row in rows)
    assert any(row["brand"].startswith("by\n") for row in rows)
    assert any(row["title"].startswith("<span class=") for row in rows)
    assert any('alt="AMAZON FASHION"' in row["main_cat"] for row in rows)
    assert any("&amp;" in row["main_cat"] for row in rows)
    assert any(row["main_cat"] == "" for row in rows)
    assert any("\n    Item Weight: \n    " in row["details"] for row in rows)
    assert any("Date first listed on Amazon" in entry for row in rows for entry in row["feature"])
    assert any(row["date"].startswith("<div") for row in rows)


def test_later_versions_of_a_product_know_less(sample):
    out, _ = sample
    first, second = (lines_of(folder) for folder in partitions(out / "amazon_metadata"))
    full, later = (
        {
            row["asin"]: row
            for line in lines
            if not product_refusal(line)
            for row in [json.loads(line)]
        }
        for lines in (first, second)
    )
    both = full.keys() & later.keys()
    assert both
    for asin in both:
        old, new = later[asin], full[asin]
        assert old["description"] == []
        keys = ("price", "brand", "title", "date", "main_cat", "feature")
        assert all(old[key] in ("", new[key], new[key][:1]) for key in keys)
        assert sum(old[key] == "" for key in keys) >= 3


def test_events_are_texts_without_a_time(sample):
    out, _ = sample
    lines = (out / "events" / "events.jsonl").read_bytes().split(b"\n")[:-1]
    assert len(lines) == OPTIONS.events
    numbers = []
    for line in lines:
        if refusal(line):
            continue
        event = json.loads(line)
        numbers.append(event.pop("partition_number"))
        assert all(isinstance(value, str) for value in event.values())
        assert event["overall"] in {"0.0", "1.0", "2.0", "3.0", "4.0", "5.0"}
        assert not {"unixReviewTime", "reviewTime"} & event.keys()
        assert isinstance(json.loads(event.get("style", "{}")), dict)
        assert isinstance(json.loads(event.get("image", "[]")), list)
    assert numbers == sorted(set(numbers))


def test_the_same_options_give_the_same_bytes(tmp_path):
    options = SampleOptions(reviews=600, products=40, users=50, partitions=3, events=50)
    generate(options, tmp_path / "one")
    generate(options, tmp_path / "two")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    generate(SampleOptions(**{**truth_options(tmp_path / "two"), "seed": 8}), tmp_path / "two")
    assert not set(digest(tmp_path / "one").values()) & set(digest(tmp_path / "two").values())


def truth_options(out: Path) -> dict:
    return json.loads((out / "truth.json").read_text())["options"]


@pytest.mark.parametrize(
    "changes",
    [
        {"reviews": 1, "partitions": 1},
        {"reviews": 7, "partitions": 7, "duplicates_within": 0.2, "duplicates_across": 0.2},
        {"reviews": 400, "products": 1, "users": 1, "partitions": 3},
        {"reviews": 400, "products": 3, "users": 2, "partitions": 2, "files_per_partition": 5},
        {"reviews": 300, "users": 5_000, "partitions": 20, "events": 0},
        {"reviews": 300, "partitions": 1, "compress": False, "duplicates_across": 0.3},
        {"reviews": 20, "partitions": 2, "events": 900, "products": 30},
    ],
)
def test_reviews_differ_in_every_corner(tmp_path, changes):
    """Few users and products make the same pair come up again and again."""
    options = SampleOptions(**({"products": 20, "users": 10, "events": 60} | changes))
    truth = generate(options, tmp_path)
    gold = set()
    for partition in partitions(tmp_path / "amazon_reviews"):
        found, seen = counts(lines_of(partition), refusal, review_key)
        assert found == truth["reviews"][partition.name]
        gold |= seen
    assert truth["gold"]["reviews"] == len(gold)
    for partition in partitions(tmp_path / "amazon_metadata"):
        found, _ = counts(lines_of(partition), product_refusal, lambda line: line)
        assert found == truth["products"][partition.name]
    lines = (tmp_path / "events" / "events.jsonl").read_bytes().split(b"\n")[:-1]
    assert truth["gold"]["reviews_with_events"] == len(gold | counts(lines, refusal, review_key)[1])


def test_the_shape_of_the_tree(sample):
    out, _ = sample
    assert {path.name for path in out.iterdir()} == {
        *("amazon_reviews", "amazon_metadata", "events", "titles", "title_ratings", "truth.json")
    }
    folders = partitions(out / "amazon_reviews")
    assert [folder.name for folder in folders] == [f"partition_{n}" for n in range(1, 13)]
    for folder in folders:
        names = sorted(path.name for path in folder.iterdir())
        assert [name[:11] for name in names] == ["part-00000-", "part-00001-"]
        assert all(name.endswith("-c000.json.gz") for name in names)


def test_a_sample_replaces_a_sample_and_nothing_else(tmp_path):
    generate(SampleOptions(reviews=100, products=20, users=9, partitions=9, events=5), tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.csv").write_text("kept")
    generate(SampleOptions(reviews=50, products=20, users=9, partitions=2, events=5), tmp_path)
    assert [path.name for path in partitions(tmp_path / "amazon_reviews")] == [
        *("partition_1", "partition_2")
    ]
    assert (tmp_path / "mine" / "mine.csv").read_text() == "kept"


@pytest.mark.parametrize("folder", ["amazon_reviews", "amazon_metadata", "events", "titles"])
def test_other_peoples_files_are_never_replaced(tmp_path, folder):
    options = SampleOptions(reviews=50, products=20, users=9, partitions=2, events=5)
    (tmp_path / folder / "mine").mkdir(parents=True)
    with pytest.raises(FileExistsError, match=f"{folder} holds mine"):
        generate(options, tmp_path)
    (tmp_path / folder / "mine").rmdir()
    generate(options, tmp_path)
    (tmp_path / folder / "mine").mkdir()
    before = digest(tmp_path)
    with pytest.raises(FileExistsError, match=f"{folder} holds mine"):
        generate(options, tmp_path)
    assert digest(tmp_path) == before


def test_a_failed_run_leaves_the_old_sample(tmp_path):
    options = SampleOptions(reviews=50, products=20, users=9, partitions=2, events=5)
    generate(options, tmp_path)
    before = digest(tmp_path)

    def stop(lines: int) -> None:
        raise RuntimeError(lines)

    with pytest.raises(RuntimeError):
        generate(SampleOptions(reviews=80, partitions=2), tmp_path, stop)
    assert digest(tmp_path) == before


def test_progress_counts_the_lines_written(tmp_path):
    seen = []
    options = SampleOptions(reviews=90, products=20, users=9, partitions=3, events=5)
    generate(options, tmp_path, seen.append)
    assert seen == [15, 30, 45, 60, 75, 90]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"reviews": 0}, "reviews must be from 1"),
        ({"reviews": 1.5}, "reviews must be a whole number"),
        ({"products": 0}, "products must be"),
        ({"users": -1}, "users must be"),
        ({"partitions": 0}, "partitions must be"),
        ({"reviews": 5, "partitions": 6}, "partitions must be at most reviews"),
        ({"events": -1}, "events must be"),
        ({"seed": -1}, "seed must be"),
        ({"seed": True}, "seed must be"),
        ({"files_per_partition": 0}, "files_per_partition must be"),
        ({"duplicates_within": -0.1}, "duplicates_within must be"),
        ({"duplicates_across": 0.6}, "duplicates_across must be"),
        ({"malformed": float("nan")}, "malformed must be"),
        ({"unknown_fields": "x"}, "unknown_fields must be a number"),
        ({"duplicates_within": 0.3, "malformed": 0.3}, "duplicates_within . duplicates_across"),
        ({"compress": 1}, "compress must be"),
        ({"titles": -1}, "titles must be"),
        ({"titles": 0}, "title_ratings must be 0"),
    ],
)
def test_options_that_make_no_sense_are_named(changes, named):
    with pytest.raises(ValueError, match=named):
        SampleOptions(**changes)


def test_texts_tell_the_stars_neither_trivially_nor_hardly():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    reviews = map(json.loads, Reviews(SampleOptions()).lines(0, 16_000, public()))
    rated = [review for review in reviews if review["overall"] in (1, 2, 4, 5)]
    texts = [f"{row.get('summary', '')} {row.get('reviewText', '')}" for row in rated]
    positive = np.array([row["overall"] > 3 for row in rated])
    words = CountVectorizer(min_df=3).fit_transform(texts)
    half = len(rated) // 2
    model = LogisticRegression(C=0.3, max_iter=300).fit(words[:half], positive[:half])
    auc = roc_auc_score(positive[half:], model.predict_proba(words[half:])[:, 1])
    assert 0.85 < auc < 0.99


def test_tastes_can_be_learned():
    """A user's and a product's mean explain stars that they were not made from."""
    population = Reviews(SampleOptions()).population
    draw = population.draw(0, 60_000, np.random.default_rng(1))
    past = np.arange(60_000) % 5 > 0
    stars = draw.stars - draw.stars[past].mean()
    guess = sum(shrunken_means(ids, stars, past)[ids[~past]] for ids in (draw.user, draw.product))
    assert np.mean((stars[~past] - guess) ** 2) < 0.92 * np.mean(stars[~past] ** 2)


def shrunken_means(ids: np.ndarray, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    sums = np.bincount(ids[rows], values[rows], minlength=ids.max() + 1)
    return sums / (np.bincount(ids[rows], minlength=ids.max() + 1) + 5)


def test_keys_are_those_of_the_real_files(sample, accepted):
    """Needs the real files; none of their content is kept."""
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    out, _ = sample
    reviews = real_keys(folder, "reviews/*_5.json.gz")
    assert set().union(*reviews) == REVIEW_KEYS
    ours = {tuple(review) for part in accepted.values() for review in part}
    assert reviews & ours
    products = real_keys(folder, "metadata/meta_*.json.gz")
    rows = (json.loads(line) for path in partitions(out / "amazon_metadata")
            for line in lines_of(path) if not product_refusal(line))  # fmt: skip
    assert {frozenset(row) for row in rows} == {frozenset(keys) for keys in products}


def real_keys(folder: str, pattern: str) -> set[tuple[str, ...]]:
    return {
        tuple(json.loads(line))
        for path in Path(folder).glob(pattern)
        for line in gzip.decompress(path.read_bytes()).splitlines()
        if line.strip()
    }
