"""`amazon-reviews inspect`: the facts of a file, as people and as programs read them."""

import gzip
import json
import os
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from amazon_reviews.cli import main
from amazon_reviews.pipeline import inspection
from amazon_reviews.pipeline.datasets import REVIEWS
from amazon_reviews.pipeline.inspection import OpenFile
from amazon_reviews.pipeline.profile_draft import draft_profile
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.pipeline.source_files.formats import FileFormat
from amazon_reviews.profiles.files import parse_profile
from amazon_reviews.resources.landing.layout import LandingFile
from amazon_reviews_tests.helpers import BATCH_ROWS, ingest_all, product, review, rows, upload

SHOP = """\
profile: shop
dataset: reviews
fields:
  reviewerID: customer
  asin: {constant: B1}
  overall: {field: rated, pattern: "([0-9]) of"}
  reviewText: words
"""
SHOP_CSV = "customer;rated;words;colour\nAnn;5 of 5;Good.;red\nBen;4 of 5;Fine.;blue\n"


def inspect(*arguments):
    return CliRunner().invoke(main, ["inspect", *map(str, arguments)])


def inspected(*arguments):
    """Return exit code and the objects that the command prints as JSON."""
    result = inspect("--json", *arguments)
    return result.exit_code, json.loads(result.stdout)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str | bytes) else "\n".join(map(json.dumps, content))
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_known_file_has_its_profile_its_counts_and_three_rows(tmp_path):
    lines = [review(reviewerID=f"A{i}") for i in range(5)]
    lines += [review(reviewerID="A0"), review(overall="five", colour="red"), review(asin="")]
    packed = gzip.compress(b"\n".join(json.dumps(line).encode() for line in lines))
    file = write(tmp_path / "reviews.json.gz", packed)

    code, (facts,) = inspected(file)

    assert code == 0
    assert (facts["container"], facts["compression"], facts["charset"]) == ("json", "gzip", "utf-8")
    assert (facts["dataset"], facts["profile"]) == ("reviews", "amazon_2018")
    assert not facts["user_defined"]
    counts = {name: facts[name] for name in ("records", "complete", "kept", "duplicates")}
    assert counts == {"records": 8, "complete": True, "kept": 5, "duplicates": 1}
    assert facts["rejected"] == {
        "wrong_type": {"records": 1, "line": 7, "detail": "overall: five"},
        "missing_field": {"records": 1, "line": 8, "detail": "asin: "},
    }
    assert facts["unknown_fields"] == {"colour": {"records": 1, "example": "red"}}
    assert [row["reviewer_id"] for row in facts["mapped"]] == ["A0", "A1", "A2"]
    assert facts["mapped"][0] | {"overall": 5.0, "reviewed_on": "2016-09-01"} == facts["mapped"][0]
    assert facts["reason"] is None


def test_counts_are_those_of_silver(spark, landing, lakehouse):
    texts = ["not json", b"\xff", "[]", review(unixReviewTime=10**12), review(vote="1e99")]
    lines = [review(), *texts, review(style={"Size:": " L"}), review(overall=6)]
    path = upload(landing, REVIEWS.folder, "partition_1", *lines, file="part.json")
    names = ingest_all(landing, lakehouse, REVIEWS)
    ((_, counts),) = build_silver(spark, lakehouse, REVIEWS, names, BATCH_ROWS)

    _, (facts,) = inspected(path)

    assert (facts["kept"], facts["duplicates"]) == (counts.kept, counts.duplicates)
    rejected = {reason: problem["records"] for reason, problem in facts["rejected"].items()}
    assert rejected == dict(counts.rejected)
    details = dict(rows(lakehouse, "silver/rejected", "line", "detail"))
    for problem in facts["rejected"].values():
        assert problem["detail"] == details[problem["line"]]


def test_the_folder_or_the_option_decides_the_dataset(tmp_path):
    lines = [product(reviewerID="A1", overall=5, reviewText="Both.")]
    free = write(tmp_path / "both.jsonl", lines)
    placed = write(tmp_path / "amazon_metadata" / "1" / "both.jsonl", lines)

    _, (reviews, products) = inspected(free, placed)
    _, (chosen,) = inspected("--dataset", "products", free)

    assert [reviews["dataset"], products["dataset"], chosen["dataset"]] == [
        "reviews",
        "products",
        "products",
    ]
    assert products["mapped"][0]["title"] == "Watering can"


def test_a_catalogue_is_products_and_reviews_without_a_reviewer_are_not(tmp_path):
    catalogue = write(tmp_path / "meta.jsonl", [product()])
    anonymous = write(
        tmp_path / "r.jsonl", [{"asin": "B1", "rating": 5, "text": "A", "title": "B"}]
    )

    code, (products, reviews) = inspected(catalogue, anonymous)

    assert code == 1
    assert (products["dataset"], products["profile"]) == ("products", "amazon_2018_products")
    assert (reviews["dataset"], reviews["profile"]) == ("reviews", None)
    assert reviews["missing"] == ["reviewer"]


def test_an_unknown_file_names_the_nearest_profiles_and_what_is_missing(tmp_path):
    file = write(tmp_path / "alexa.tsv", "rating\tdate\ttext\n5\t31-Jul-18\tLove it\n")

    result = inspect(file)
    code, (facts,) = inspected(file)

    assert (result.exit_code, code) == (1, 1)
    assert facts["delimiter"] == "\t"
    assert facts["missing"] == ["reviewer", "product"]
    assert facts["nearest"][0] == {
        "profile": "amazon_2023",
        "missing": ["user_id", "asin or parent_asin"],
    }
    assert facts["reason"].startswith(
        "fits no profile; no field seems to be the reviewer or the product. "
        "Its fields are rating, date, text. "
    )
    assert "amazon_2023, which also needs user_id, asin or parent_asin" in result.stdout
    assert facts["unknown_fields"]["text"] == {"records": 1, "example": "Love it"}


def test_a_file_that_lacks_the_text_says_so(tmp_path):
    file = write(
        tmp_path / "ratings.csv", "user_id,parent_asin,rating,timestamp\nA,B,5,1600000000\n"
    )

    _, (facts,) = inspected(file)

    assert facts["profile"] == "amazon_2023"
    assert facts["reason"] == "is of the profile amazon_2023, but lacks the text (text or title)"


def test_a_profile_is_tried(tmp_path):
    file = write(tmp_path / "shop.csv", SHOP_CSV)
    profile = write(tmp_path / "shop.yaml", SHOP)

    code, (facts,) = inspected("--profile", profile, file)

    assert code == 0
    assert (facts["profile"], facts["user_defined"], facts["kept"]) == ("shop", True, 2)
    assert [row["overall"] for row in facts["mapped"]] == [5.0, 4.0]
    assert facts["unknown_fields"] == {"colour": {"records": 2, "example": "red"}}


@pytest.mark.parametrize("place", ["amazon_reviews/2023/03", "amazon_reviews", ""])
def test_a_profile_beside_the_file_or_in_the_folder_of_its_dataset_is_used(tmp_path, place):
    file = write(tmp_path / (place or "shops") / "shop.csv", SHOP_CSV)
    folder = tmp_path / "amazon_reviews" if place else tmp_path / "shops"
    write(folder / "profile.yaml", SHOP)

    code, (facts,) = inspected(file)

    assert (code, facts["profile"], facts["kept"]) == (0, "shop", 2)


def test_profiles_of_the_settings_are_known(tmp_path, monkeypatch):
    write(tmp_path / "own" / "shop.yaml", SHOP)
    monkeypatch.setenv("AMAZON_REVIEWS_PROFILES", str(tmp_path / "own"))
    fitting = write(tmp_path / "shop.csv", SHOP_CSV)
    near = write(tmp_path / "near.csv", SHOP_CSV.replace("words", "phrase"))

    _, (known, unknown) = inspected(fitting, near)

    assert (known["profile"], unknown["profile"]) == ("shop", None)
    assert unknown["nearest"][0] == {"profile": "shop", "missing": ["words"]}


def test_files_that_cannot_be_read_do_not_stop_the_others(tmp_path):
    broken = write(tmp_path / "cut.json.gz", gzip.compress(b'{"asin": 1}\n' * 999)[:-12])
    workbook = write(tmp_path / "book.csv", b"PK\x03\x04 and so on")
    good = write(tmp_path / "good.jsonl", [review()])

    code, (cut, book, kept) = inspected(broken, workbook, good)

    assert code == 1
    assert "cut.json.gz" in cut["error"]
    assert "an Excel workbook" in book["error"]
    assert kept["kept"] == 1


@pytest.mark.parametrize("content", ["", "\n\n", "reviewerID,asin,overall,summary\n"])
def test_a_file_without_records_is_not_kept(tmp_path, content):
    code, (facts,) = inspected(write(tmp_path / "empty.csv", content))

    assert code == 1
    assert "has no records" in str(facts.get("reason")) or "empty" in facts["error"]


def test_only_the_first_records_are_mapped(tmp_path, monkeypatch):
    file = write(tmp_path / "many.jsonl", [review(reviewerID=f"A{i}") for i in range(50)])
    monkeypatch.setattr(inspection, "MOST_RECORDS", 20)

    _, (by_rows,) = inspected(file)
    monkeypatch.setattr(inspection, "_MOST_BYTES", 1_000)
    _, (by_bytes,) = inspected(file)

    assert (by_rows["records"], by_rows["complete"]) == (20, False)
    assert 0 < by_bytes["records"] < 10
    assert not by_bytes["complete"]
    assert "the first" in inspect(file).stdout


def test_text_of_a_file_cannot_control_the_terminal(tmp_path):
    hostile = "\x1b[2J\u202e\nrow"
    name = f"x{hostile}"
    file = write(
        tmp_path / "a.jsonl", [review(summary=hostile, **{name: hostile}), {name: hostile}]
    )

    output = inspect(file).stdout

    assert "\x1b" not in output
    assert "\u202e" not in output
    assert "\\x1b[2J\\u202e\\nrow" in output
    assert "\nrow" not in output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Missing argument"),
        (["absent.csv"], "does not exist"),
        (["."], "is a directory"),
        (["--dataset", "titles", "a.csv"], "is not one of"),
        (["--dataset", "products", "--profile", "shop.yaml", "a.csv"], "shop.yaml is for reviews"),
        (["--profile", "bad.yaml", "a.csv"], "bad.yaml: line 1: "),
        (["--write-profile", "new.yaml", "a.csv", "a.csv"], "needs one FILE"),
        (["--write-profile", "new.yaml", "--profile", "shop.yaml", "a.csv"], "no --profile"),
        (["--write-profile", "shop.yaml", "a.csv"], "shop.yaml exists"),
        (["--write-profile", "none/new.yaml", "a.csv"], "cannot be written"),
    ],
)
def test_wrong_use_ends_with_exit_code_2(tmp_path, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.csv", SHOP_CSV)
    write(tmp_path / "shop.yaml", SHOP)
    write(tmp_path / "bad.yaml", "nothing")

    result = inspect(*arguments)

    assert result.exit_code == 2
    assert text in result.stderr
    assert (tmp_path / "shop.yaml").read_text() == SHOP
    assert not (tmp_path / "new.yaml").exists()


def test_a_fifo_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")

    code, (facts,) = inspected(tmp_path / "pipe.csv")

    assert code == 1
    assert "is not a plain file" in facts["error"]


def test_a_complete_draft_loads_its_file(tmp_path):
    text = (
        "User;Product SKU;Stars;Comment;Date;Likes;Verified;Shape\n"
        'Ann;B1;4 out of 5;"Good; really";31/12/2022;3;oui;round\n'
        "Ben;B2;5 out of 5;Fine.;01/02/2023;0;non;flat\n"
    )
    file = write(tmp_path / "export 1.csv", text)
    draft = tmp_path / "draft.yaml"

    written = inspect("--write-profile", draft, file)
    code, (facts,) = inspected("--profile", draft, file)

    assert (written.exit_code, written.stdout.strip()) == (0, str(draft))
    assert (code, facts["profile"], facts["kept"]) == (0, "export_1", 2)
    (first, second) = facts["mapped"]
    assert (first["reviewer_id"], first["asin"], first["overall"]) == ("Ann", "B1", 4.0)
    assert (first["reviewed_on"], second["reviewed_on"]) == ("2022-12-31", "2023-02-01")
    assert (first["verified"], second["verified"], first["vote"]) == (True, False, 3)
    assert '#   Shape, such as "round"' in draft.read_text().replace('"Shape"', "Shape")


def test_a_draft_says_what_is_missing_and_what_is_not_sure(tmp_path):
    file = write(tmp_path / "s.csv", "customer,average rating,text\nAnn,5,Good.\nBen,4,Fine.\n")
    draft = tmp_path / "draft.yaml"

    inspect("--write-profile", draft, file)
    lines = draft.read_text().splitlines()

    assert '  # overall: "average rating"  # such as "5", "4"' in lines
    assert "  # asin: …  # the product is missing: use {constant: …} or name a field" in lines
    result = inspect("--profile", draft, file)
    assert (result.exit_code, "asin is missing" in result.stderr) == (2, True)
    completed = draft.read_text().replace("# overall:", "overall:")
    draft.write_text(completed.replace("# asin: …", "asin: {constant: B1}"))
    assert inspected("--profile", draft, file)[1][0]["kept"] == 2


NAMES = st.text(max_size=20).filter(lambda name: name.lower() not in ("user", "sku", "stars"))


@given(st.lists(NAMES, min_size=1, max_size=6, unique_by=str.lower), st.text(max_size=90))
def test_a_draft_of_any_names_and_values_is_a_profile_once_its_text_is_named(names, value):
    known = {"user": value, "sku": "B1", "stars": "5", "review_text": "It works well."}
    sample = [dict.fromkeys(names, value) | known]
    source = SimpleNamespace(format=FileFormat(container="json"), sample=sample)
    file = LandingFile("x", f"{names[0]}.csv", 1, "")

    text = draft_profile(OpenFile(file, source, REVIEWS, None))

    profile = parse_profile(text.encode(), "draft.yaml")
    assert profile.fields["reviewerID"][0].field in ("user", *names)
