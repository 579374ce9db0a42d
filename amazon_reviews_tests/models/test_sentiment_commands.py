"""`amazon-reviews sentiment`: what the commands print, write and refuse."""

import csv
import gzip
import json

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import evaluate
from amazon_reviews.models.sentiment.storage import model_version, save
from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews_tests.models.reviews import made_up


@pytest.fixture(scope="module")
def model():
    return SentimentClassifier(bits=14).fit(made_up(1_000))


@pytest.fixture(scope="module")
def models(tmp_path_factory, model, empty_store):
    folder = tmp_path_factory.mktemp("models")
    publish(model, folder, empty_store)
    return folder


def publish(model, folder, empty_store):
    """Make a store in the folder in which this model is in use; returns its file."""
    empty_store(folder)
    path = folder / "sentiment.model"
    save(model, path)
    return ModelStore(folder).publish("sentiment", path, Record(), make_current=True).path


@pytest.fixture
def command(models):
    def run(*arguments, folder=models):
        env = {"AMAZON_REVIEWS_MODELS": str(folder)}
        return CliRunner().invoke(main, ["sentiment", *map(str, arguments)], env=env)

    return run


def refused(result):
    """The one line on stderr of a command that ended with 2."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture
def reviews(tmp_path):
    """A file of reviews in the source's form, and the same as examples."""
    examples = made_up(300, seed=2)
    fields = (examples.summaries.to_pylist(), examples.texts.to_pylist(), examples.stars.tolist())
    rows = [
        {"summary": summary, "reviewText": text, "overall": stars}
        for summary, text, stars in zip(*fields, strict=True)
    ]
    path = tmp_path / "reviews.json.gz"
    unrated = [{"reviewText": "great"}, {"overall": 0.0}, {"overall": None, "summary": None}]
    lines = [json.dumps(row) for row in [*rows, *unrated]]
    path.write_bytes(gzip.compress("\n\n".join(lines).encode()))
    return path, examples


def test_a_text_gets_a_label_a_probability_and_the_words_that_decided(command):
    result = command("predict", "It broke, what a waste!")

    assert result.exit_code == 0
    answer, *reasons = result.stdout.splitlines()
    label, probability = answer.split()
    assert label == "negative"
    assert 0.5 < float(probability) <= 1
    assert {"broke", "waste"} <= {reason.split(maxsplit=1)[1] for reason in reasons}


@pytest.mark.parametrize(
    ("text", "said"), [("", "is empty"), ("x", "only one letter"), ("123", "only digits")]
)
def test_a_text_without_words_is_refused(command, text, said):
    assert said in refused(command("predict", text))


def test_a_file_keeps_its_columns_and_says_why_rows_are_refused(command, tmp_path):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(
        "\ufeffid,TEXT,label\n"
        '1,"great, love it\nperfect",a\n2,terrible waste,b\n\n3,,c\n4,x,d\n5,42,e\n'
    )

    result = command("predict", "--csv", source, "--out", out)

    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    assert result.stderr == "2 texts labelled, 3 rejected\n"
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "TEXT", "label", "sentiment_label", "probability", "reason"]
    assert [row["id"] + row["label"] for row in rows] == ["1a", "2b", "3c", "4d", "5e"]
    assert rows[0]["TEXT"] == "great, love it\nperfect"
    assert [row["sentiment_label"] for row in rows] == ["positive", "negative", "", "", ""]
    assert [bool(row["probability"]) for row in rows] == [True, True, False, False, False]
    assert [row["reason"] for row in rows] == [
        "",
        "",
        "the text is empty",
        "the text has only one letter",
        "the text has only digits",
    ]
    assert set(tmp_path.iterdir()) == {source, out}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column text"),
        (b"id,review\n1,good\n", "no column text in its first line, only: id, review"),
        (b"id,text\n1,good\n2,a,b\n", "line 3: 3 fields, the first line has 2"),
        (b"text\ngood\nb\xe4d\n", "line 3 is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(command, tmp_path, content, said):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(content)
    out.write_text("as it was")

    line = refused(command("predict", "--csv", source, "--out", out))

    assert str(source) in line
    assert said in line
    assert out.read_text() == "as it was"
    assert set(tmp_path.iterdir()) == {source, out}


def test_places_that_are_not_there_are_named(command, tmp_path):
    source = tmp_path / "in.csv"
    assert f"{source} cannot be read" in refused(
        command("predict", "--csv", source, "--out", tmp_path / "out.csv")
    )
    source.write_text("text\ngood\n")
    nowhere = tmp_path / "nowhere" / "out.csv"
    assert f"{nowhere} cannot be written" in refused(
        command("predict", "--csv", source, "--out", nowhere)
    )
    assert "cannot be read" in refused(command("evaluate", tmp_path / "nothing.json"))


@pytest.mark.parametrize(
    "arguments", [(), ("good", "--csv", "a"), ("--csv", "a"), ("good", "--out", "a")]
)
def test_a_text_or_a_file_is_given(command, arguments):
    result = command("predict", *arguments)
    assert result.exit_code == 2
    assert "either a text, or --csv with --out" in result.stderr


@pytest.mark.parametrize("task", TASKS)
def test_a_file_of_reviews_is_measured(command, model, reviews, task):
    path, examples = reviews

    result = command("evaluate", path, "--task", task)

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    expected = evaluate(examples, model.predict_proba(examples, task), TASKS[task], "").summary()
    assert found.pop("model_version") == model_version(model)
    assert found.pop("skipped") == expected.pop("skipped") + 3
    del expected["model_version"]
    assert found == pytest.approx(expected)


def test_a_file_that_is_not_packed_or_has_no_review_is_measured_too(command, tmp_path):
    path = tmp_path / "reviews.json"
    path.write_text('{"reviewText": "great", "overall": 5}\n')
    assert json.loads(command("evaluate", path).stdout)["rows"] == 1
    path.write_text("")
    found = json.loads(command("evaluate", path).stdout)
    assert (found["task"], found["rows"], found["skipped"], found["auc"]) == ("binary", 0, 0, None)


def test_numbers_and_texts_are_taken_for_each_other_as_in_the_pipeline(command, tmp_path):
    path = tmp_path / "reviews.json"
    stars = [5, 5.0, "5", "5.0", " 5\\t", "+5", "5e0"]
    lines = [f'{{"overall": {json.dumps(n)}, "reviewText": "great"}}\n' for n in stars]
    path.write_text("".join(lines).replace("\\\\t", "\\t"))
    expected = json.loads(command("evaluate", path).stdout)
    path.write_text('{"overall": 5, "reviewText": 7, "summary": true}\n{"overall": ""}\n')
    numbers = json.loads(command("evaluate", path).stdout)

    assert (expected["rows"], expected["skipped"]) == (len(stars), 0)
    assert (numbers["rows"], numbers["skipped"]) == (1, 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"overall": 5', "is not JSON"),
        ("[5]", "is not a JSON object"),
        *(
            (f'{{"overall": {value}}}', "overall is not a number")
            for value in ('"five"', '"NaN"', '"1_0"', '"0x5"', '"5,0"', "true", "[5]")
        ),
        ('{"overall": 5, "reviewText": [7]}', "reviewText is not a text"),
        ('{"overall": 5, "summary": {}}', "summary is not a text"),
    ],
)
def test_a_line_that_is_no_review_is_named(command, tmp_path, line, said):
    path = tmp_path / "reviews.json"
    path.write_text(f'{{"overall": 4, "reviewText": "good"}}\n{line}\n')
    assert f"{path}, line 2" in (found := refused(command("evaluate", path)))
    assert said in found


def test_a_file_that_breaks_off_is_named(command, reviews):
    path, _ = reviews
    path.write_bytes(path.read_bytes()[:-40])
    assert f"{path} breaks off after line" in refused(command("evaluate", path))


def test_without_a_model_the_asset_to_materialize_is_named(command, reviews, tmp_path):
    (tmp_path / "in.csv").write_text("text\ngood\n")
    for arguments in (
        ("predict", "good"),
        ("predict", "--csv", tmp_path / "in.csv", "--out", tmp_path / "out.csv"),
        ("evaluate", reviews[0]),
    ):
        assert "asset model/sentiment" in refused(command(*arguments, folder=tmp_path))


def test_a_damaged_model_is_named(command, tmp_path, model, empty_store):
    publish(model, tmp_path, empty_store).write_bytes(b"damaged")
    line = refused(command("predict", "good", folder=tmp_path))
    assert "sentiment.model" in line
    assert "materialize the asset model/sentiment again" in line
