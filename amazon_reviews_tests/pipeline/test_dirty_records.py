"""Dirty records of every profile: each ends in exactly one place, with any values."""

import csv
import io
import json
from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amazon_reviews.pipeline.bronze import ingest
from amazon_reviews.pipeline.datasets import PRODUCTS, REVIEWS
from amazon_reviews.pipeline.silver import build_silver
from amazon_reviews.profiles.files import built_in_profiles
from amazon_reviews.resources.lakehouse.tables import Lakehouse
from amazon_reviews.resources.landing.zone import LandingZone
from amazon_reviews_tests.helpers import BATCH_ROWS, rows

PROFILES = {profile.name: profile for profile in built_in_profiles()}
ORIGIN = ("file", "line", "partition")
_NUMBERS = count()

_ODD_TEXTS = st.sampled_from(
    [
        *(
            "",
            " ",
            "0",
            "5",
            "5.0",
            "-1",
            "1e400",
            "NaN",
            "1,234",
            "5 out of 5",
            "2/3",
            "/",
            "[0, 0]",
        ),
        *("[", "{}", '{"a": [1]}', "null", "true", "Y", "N", "nein", "\0", "\ufeffx", "\u202e"),
        *('"', '""', "'", "a\"b'c", "\\", "\\n", "a\nb", "a\r\nb", "a,b;c\td|e", "<br />", "&#34;"),
        *("2016-02-30", "2016-02-29", "31-Jul-18", "13/13/2020", "1472688000123", "B1,B2", "😀"),
    ]
)
_TEXTS = _ODD_TEXTS | st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_VALUES = (
    _TEXTS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.recursive(
        _TEXTS | st.none() | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
        max_leaves=5,
    )
)


def records_of(profile, values):
    """Return records of a profile's fields and unknown ones; any field may be absent."""
    names = st.sampled_from([*profile.source_fields, "unknown", "a.b"])
    return st.lists(st.dictionaries(names, values, max_size=8), min_size=1, max_size=12)


def good_record(profile):
    """Return a record that has all fields of a profile, so that the profile is detected."""
    return dict.fromkeys(profile.source_fields, "5")


def assert_each_record_ends_once(spark, folder, profile, content, name):
    dataset = REVIEWS if profile.dataset == "reviews" else PRODUCTS
    root = folder / str(next(_NUMBERS))
    place = root / "landing" / dataset.folder / "p"
    place.mkdir(parents=True)
    (place / name).write_bytes(content)
    lakehouse = Lakehouse(location=str(root / "lakehouse"))

    ingest(LandingZone(location=str(root / "landing")), lakehouse, dataset, "p")
    ((_, counts),) = build_silver(spark, lakehouse, dataset, ["p"], BATCH_ROWS)

    assert {*rows(lakehouse, dataset.bronze, "profile")} == {(profile.name,)}
    tables = (dataset.silver, "silver/duplicates", "silver/rejected")
    ends = [origin for key in tables for origin in rows(lakehouse, key, *ORIGIN)]
    assert Counter(ends) == Counter(rows(lakehouse, dataset.bronze, *ORIGIN))
    assert counts.lines == len(ends)
    assert all(reason for (reason,) in rows(lakehouse, "silver/rejected", "reason"))


def _some(names, *short):
    """Return the names as parameters; all but the `short` ones are long."""
    return [n if n in short else pytest.param(n, marks=pytest.mark.long) for n in names]


EXAMPLES = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("name", _some(PROFILES, "amazon_2023", "amazon_2023_products"))
@given(data=st.data())
@EXAMPLES
def test_each_dirty_json_record_ends_once(spark, tmp_path, name, data):
    profile = PROFILES[name]
    dirty = data.draw(records_of(profile, _VALUES))
    lines = [json.dumps(record) for record in (good_record(profile), *dirty)]

    content = "\n".join(lines).encode()
    assert_each_record_ends_once(spark, tmp_path, profile, content, "part.jsonl")


@pytest.mark.parametrize(
    "name",
    _some([n for n, p in PROFILES.items() if p.dataset == "reviews"], "aws_customer_reviews"),
)
@given(data=st.data())
@EXAMPLES
def test_each_dirty_delimited_record_ends_once(spark, tmp_path, name, data):
    profile = PROFILES[name]
    delimiter = data.draw(st.sampled_from(",;\t|"))
    dirty = data.draw(records_of(profile, _TEXTS))
    out = io.StringIO()
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    header = [*profile.source_fields, "unknown"]
    writer.writerow(header)
    for record in (good_record(profile), *dirty):
        writer.writerow([record.get(field, "") for field in header])
    # Records with too few and too many fields.
    out.write(f"5{delimiter}5\n")
    writer.writerow(["5"] * (len(header) + 1))

    content = out.getvalue().encode()
    assert_each_record_ends_once(spark, tmp_path, profile, content, "part.csv")
