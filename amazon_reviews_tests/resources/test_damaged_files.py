"""The damaged data file that an error names."""

import pytest

from amazon_reviews.resources.lakehouse.damage import describe_damaged_file

FILE = "gold/brands/data-1/0.parquet"


@pytest.fixture
def lakehouse(tmp_path):
    location = tmp_path / "lakehouse"
    (location / FILE).parent.mkdir(parents=True)
    (location / FILE).write_bytes(b"damaged")
    (location / "gold" / "brands" / "_delta_log").mkdir()
    return str(location)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("cannot read {location}/{file}: bad magic", id="whole path"),
        pytest.param("Parquet error in {relative}/{file}", id="without the first slash"),
        pytest.param("Could not open 'data-1/0.parquet'", id="within the table"),
    ],
)
def test_error_names_the_table_and_what_makes_it_again(lakehouse, form):
    text = form.format(location=lakehouse, relative=lakehouse.removeprefix("/"), file=FILE)

    described = describe_damaged_file(lakehouse, OSError(text))

    assert described is not None
    assert described.startswith(f"the data file {FILE} cannot be read")
    assert "`amazon-reviews run --rebuild gold/brands`" in described


@pytest.mark.parametrize(
    "text", ["no file is named", "cannot read /elsewhere/a.parquet", "cannot read b.parquet"]
)
def test_error_about_no_data_file_of_the_lakehouse_is_left_to_others(lakehouse, text):
    assert describe_damaged_file(lakehouse, OSError(text)) is None


def test_files_of_an_object_store_are_not_looked_for():
    error = OSError("cannot read gold/brands/a.parquet")

    assert describe_damaged_file("s3://bucket/lakehouse", error) is None
