"""Profiles in YAML: the built-in ones are valid, and a fault is reported with file and line."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from amazon_reviews.errors import ProfileError
from amazon_reviews.profiles.files import MAX_PROFILE_BYTES, built_in_profiles, parse_profile
from amazon_reviews.profiles.profile import Profile, Source

BUILT_IN = {profile.name: profile for profile in built_in_profiles()}
FOLDER = Path(__file__).parents[2] / "amazon_reviews" / "profiles"
SHOP = """\
profile: shop
dataset: reviews
fields:
  reviewerID: user
  asin: sku
  overall: stars
  reviewText: text
"""
PRODUCTS = "profile: shop\ndataset: products\nfields:\n  asin: sku\n"


def test_every_yaml_file_of_the_folder_is_a_built_in_profile_of_its_own_name():
    assert {file.stem for file in FOLDER.glob("*.yaml")} == {*BUILT_IN}
    assert len(BUILT_IN) == 12


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_profile_is_the_same_after_json(name):
    profile = BUILT_IN[name]
    assert profile.built_in
    assert Profile.from_json(profile.to_json()) == profile


def test_every_key_of_a_source_survives_json():
    text = SHOP + (
        "  vote: {field: likes, path: '$.n', split: '/', part: 1, pattern: '([0-9]+)'}\n"
        "  verified: {field: bought, true: [Oui, ja], false: nein}\n"
        "  unixReviewTime: {field: time, unit: milliseconds}\n"
        "  reviewTime: {field: [day, date], order: day month year}\n"
        "  image: {field: photo, form: list}\n"
        "  marketplace: {constant: shop.example}\n"
        "products: {asin: sku, title: name}\n"
        "requires: [user, [sku, id]]\n"
        "description: A shop\n"
        'file: {charset: windows-1252, delimiter: ";", quote: "", columns: [user, sku]}\n'
    )

    profile = parse_profile(text.encode(), "shop.yaml")

    assert Profile.from_json(profile.to_json()) == profile
    assert profile.fields["vote"] == (
        Source(field="likes", path="$.n", split="/", part=1, pattern="([0-9]+)"),
    )
    assert profile.fields["verified"][0] == Source(
        field="bought", true=("oui", "ja"), false=("nein",)
    )
    assert profile.fields["reviewTime"] == (
        Source(field="day", order="day month year"),
        Source(field="date", order="day month year"),
    )
    assert profile.fields["marketplace"] == (Source(constant="shop.example"),)
    assert profile.products["title"] == (Source(field="name"),)
    assert profile.requires == (("user",), ("sku", "id"))
    assert (profile.charset, profile.delimiter, profile.quote) == ("windows-1252", ";", "")
    assert profile.columns == ("user", "sku")


def test_required_fields_without_constants_are_what_a_file_needs():
    text = SHOP.replace("asin: sku", "asin: {constant: B1}").replace("text: text", "text: text")
    profile = parse_profile(text.encode(), "shop.yaml")

    assert profile.requires == (("user",), ("stars",), ("text",))
    assert profile.missing(["user", "stars", "title"]) == ["text"]


# Each with the line of the fault, and a part of the text.
FAULTS = {
    "empty": ("", None, "it is empty"),
    "only a comment": ("# nothing\n", None, "it is empty"),
    "a text": ("shop\n", 1, "a profile: it must be a mapping"),
    "a list": ("- profile: shop\n", 1, "it must be a mapping"),
    "no name": (SHOP.replace("profile: shop\n", ""), 1, "profile is missing"),
    "no dataset": (SHOP.replace("dataset: reviews\n", ""), 1, "dataset is missing"),
    "no fields": ("profile: shop\ndataset: reviews\n", 1, "fields is missing"),
    "odd name": (SHOP.replace("shop", "my shop"), 1, "'my shop' is no name"),
    "path as name": (SHOP.replace("shop", "../shop"), 1, "is no name"),
    "unknown dataset": (SHOP.replace("reviews", "titles"), 2, "one of reviews, products"),
    "unknown key": (SHOP + "mapping: {}\n", 8, "mapping is unknown; known are profile"),
    "unknown field": (SHOP + "  star: stars\n", 8, "star is unknown; known are reviewerID"),
    "unknown source key": (
        SHOP + "  vote: {field: likes, divide: 2}\n",
        8,
        "fields: vote: divide is unknown",
    ),
    "repeated key": (SHOP + "dataset: reviews\n", 8, "dataset is there twice"),
    "repeated field": (SHOP + "  asin: id\n", 8, "fields: asin is there twice"),
    "no product": (SHOP.replace("  asin: sku\n", ""), 4, "asin is missing"),
    "no text": (SHOP.replace("  reviewText: text\n", ""), 4, "reviewText or summary is missing"),
    "neither field nor constant": (SHOP + "  vote: {part: 1}\n", 8, "a field or a constant"),
    "field and constant": (SHOP + "  vote: {field: a, constant: b}\n", 8, "and not both"),
    "empty field": (SHOP + '  vote: ""\n', 8, "fields: vote: it is empty"),
    "long field": (SHOP + f"  vote: {'x' * 501}\n", 8, "more than 500 characters"),
    "empty list": (SHOP + "  vote: []\n", 8, "fields: vote: the list is empty"),
    "no value": (SHOP + "  vote:\n", 8, "fields: vote: it is empty"),
    "list in a list": (SHOP + "  vote: [[a]]\n", 8, "it must be a mapping"),
    "part without split": (SHOP + "  vote: {field: a, part: 1}\n", 8, "part needs split"),
    "part no number": (SHOP + "  vote: {field: a, split: x, part: -1}\n", 8, "from 0 to 999"),
    "no path": (SHOP + "  vote: {field: a, path: votes}\n", 8, "path: it must be like $.name"),
    "broken pattern": (SHOP + "  vote: {field: a, pattern: '(['}\n", 8, "unterminated"),
    "no group": (SHOP + "  vote: {field: a, pattern: '[0-9]+'}\n", 8, "one group in paren"),
    "two groups": (SHOP + "  vote: {field: a, pattern: '(a)(b)'}\n", 8, "not 2"),
    "look ahead": (SHOP + "  vote: {field: a, pattern: '(a)(?=b)'}\n", 8, "(? is not supported"),
    "back reference": (SHOP + "  vote: {field: a, pattern: '(a)\\1'}\n", 8, "not supported"),
    "unknown unit": (SHOP + "  vote: {field: a, unit: days}\n", 8, "one of seconds"),
    "two units": (
        SHOP + "  unixReviewTime: [{field: a, unit: milliseconds}, b]\n",
        8,
        "all its fields must have the same unit",
    ),
    "unknown order": (SHOP + "  vote: {field: a, order: dmy}\n", 8, "one of year month day"),
    "unknown form": (SHOP + "  vote: {field: a, form: map}\n", 8, "one of list, ranks"),
    "only case": (SHOP + "  vote: USER\n", 1, "user and USER differ only in case"),
    "products of products": (PRODUCTS + "products: {asin: sku}\n", 5, "only a profile of reviews"),
    "products without asin": (SHOP + "products: {title: name}\n", 8, "asin is missing"),
    "all constant": (PRODUCTS.replace("sku", "{constant: B1}"), 1, "requires is missing"),
    "requires a text": (SHOP + "requires: user\n", 8, "a list of fields"),
    "two delimiters": (SHOP + "file: {delimiter: ';;'}\n", 8, "one ASCII character"),
    "line feed as quote": (SHOP + 'file: {quote: "\\n"}\n', 8, "one ASCII character"),
    "unknown charset": (SHOP + "file: {charset: klingon}\n", 8, "'klingon' is unknown"),
    "charset of no text": (SHOP + "file: {charset: base64}\n", 8, "'base64' is unknown"),
    "quote as delimiter": (SHOP + "file: {delimiter: '|', quote: '|'}\n", 8, "also the delimiter"),
    "unknown file key": (SHOP + "file: {header: true}\n", 8, "file: header is unknown"),
    "unclosed": (SHOP + "file: {quote: \n", 9, "expected"),
    "a tab": (SHOP + "\tvote: likes\n", 8, "cannot start any token"),
    "two documents": (SHOP + "---\n" + SHOP, 8, "another document"),
    "an alias": ("profile: &a shop\ndescription: *a\n", 2, "aliases are not allowed"),
    "a merge": (SHOP + "file: &f {quote: x}\nproducts: {<<: *f}\n", 9, "aliases are not allowed"),
    "a zero byte": (SHOP + "file: \0\n", 8, "it is no UTF-8 text"),
    "other bytes": (SHOP.encode() + b"description: \xff\xfe\n", 8, "it is no UTF-8 text"),
    "nested deeply": ("[" * 100_000, 1, "nested too deeply"),
    "large": ("#" * 2**20, None, "more than 256 KiB"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_names_file_and_line(name):
    text, line, part = FAULTS[name]
    content = text if isinstance(text, bytes) else text.encode()

    with pytest.raises(ProfileError) as error:
        parse_profile(content, "own/shop.yaml")

    place = "own/shop.yaml: " if line is None else f"own/shop.yaml: line {line}: "
    assert str(error.value).startswith(place)
    assert part in str(error.value)


def test_many_aliases_are_refused_at_once():
    words = ", ".join(["x"] * 20_000)
    aliases = ", ".join(["*a"] * 20_000)
    text = SHOP + f"  vote: [&a {{field: v, true: [{words}]}}, {aliases}]\n"
    assert len(text) < MAX_PROFILE_BYTES

    with pytest.raises(ProfileError, match="line 8: aliases"):
        parse_profile(text.encode(), "shop.yaml")


def test_a_tag_makes_no_object(tmp_path):
    proof = tmp_path / "made"
    text = SHOP + f"description: !!python/object/apply:os.mkdir ['{proof}']\n"

    with pytest.raises(ProfileError, match="line 8: description: it must be a text"):
        parse_profile(text.encode(), "shop.yaml")

    assert not proof.exists()
    tagged = SHOP + "description: !!python/name:os.system x\n"
    assert parse_profile(tagged.encode(), "shop.yaml").description == "x"


def test_words_of_yaml_are_texts():
    text = SHOP.replace("user", "no").replace("stars", "5").replace("sku", "null")
    profile = parse_profile(text.encode(), "shop.yaml")
    assert profile.source_fields == ("no", "null", "5", "text")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_content_is_a_profile_or_an_error(content):
    with suppress(ProfileError):
        parse_profile(content, "shop.yaml")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_any_field_name_that_yaml_writes_is_read(name):
    text = yaml.safe_dump({"profile": "a", "dataset": "products", "fields": {"asin": name}})

    assert parse_profile(text.encode(), "a.yaml").source_fields == (name,)


@pytest.mark.parametrize("key", ["charset: cp1252", "delimiter: ';'", "quote: ''", "columns: [a]"])
def test_each_key_of_file_may_be_alone(key):
    profile = parse_profile(f"{SHOP}file: {{{key}}}\n".encode(), "shop.yaml")

    fixed = (profile.charset, profile.delimiter, profile.quote, profile.columns or None)
    assert [value for value in fixed if value is not None] in (["cp1252"], [";"], [""], [("a",)])


def test_profile_of_equal_declarations_has_equal_json():
    one = parse_profile(SHOP.encode(), "a.yaml")
    other = parse_profile(re.sub("^", "", SHOP, flags=re.MULTILINE).encode(), "b.yaml")
    assert one.to_json() == other.to_json()
    assert one.to_json() != replace(one, description="x").to_json()
