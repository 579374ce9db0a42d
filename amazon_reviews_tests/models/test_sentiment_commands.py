"""`amazon-reviews sentiment`: output, files and errors of the commands."""

import csv
import gzip
import json
import re
from dataclasses import asdict

import pytest
from click.testing import CliRunner

from amazon_reviews.cli import main
from amazon_reviews.models.loading import ONLY_GENERATED
from amazon_reviews.models.sentiment.classifier import SentimentClassifier
from amazon_reviews.models.sentiment.evaluation import evaluate
from amazon_reviews.models.sentiment.storage import model_version, save
from amazon_reviews.models.sentiment.tasks import TASKS
from amazon_reviews.resources.model_store import ModelStore, Record
from amazon_reviews_tests.models.reviews import synthetic_reviews


@pytest.fixture(scope="module")
def model():
    return SentimentClassifier(bits=14).fit(synthetic_reviews(1_000))


@pytest.fixture(scope="module")
def models(tmp_path_factory, model, empty_store):
    folder = tmp_path_factory.mktemp("models")
    publish(model, folder, empty_store)
    return folder


def publish(model, folder, empty_store):
    """Make this model the current one of a store in the folder; return its file."""
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


def usage_error(result):
    """Return the single line on stderr of a command that exited with 2."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture
def reviews(tmp_path):
    """A file of reviews as JSON lines, and the same reviews as examples."""
    examples = synthetic_reviews(300, seed=2)
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


def test_predict_prints_label_probability_and_decisive_words(command):
    result = command("predict", "It broke, what a waste!")

    assert result.exit_code == 0
    answer, classes, start, *reasons = result.stdout.splitlines()
    label, probability = answer.split()
    assert label == "negative"
    assert 0.5 < float(probability) <= 1
    assert re.fullmatch(r"negative 0\.\d{4} of three classes, stars [12]", classes)
    assert re.fullmatch(r"start: positive 0\.\d{4}, as most reviews are", start)
    assert {"broke", "waste"} <= {reason.split(maxsplit=1)[1] for reason in reasons}


def test_predict_notes_a_model_of_generated_reviews_only(command, tmp_path, empty_store):
    generated = SentimentClassifier(bits=14).fit(synthetic_reviews(1_000))
    generated.only_generated_ = True
    publish(generated, tmp_path / "models", empty_store)

    noted = command("predict", "great", folder=tmp_path / "models").stderr
    assert noted == f"{ONLY_GENERATED}\n"
    assert command("predict", "great").stderr == ""


def test_predict_says_that_it_knows_no_word_of_a_text(command):
    result = command("predict", "zxcvb qwert")

    assert result.exit_code == 0
    assert "no word of this text is known" in result.stdout.splitlines()[3]


@pytest.mark.parametrize(
    ("text", "message"), [("", "is empty"), ("x", "only one letter"), ("123", "only digits")]
)
def test_predict_of_a_text_without_words_exits_with_2(command, text, message):
    assert message in usage_error(command("predict", text))


def test_predict_of_a_file_keeps_its_columns_and_adds_reasons(command, tmp_path):
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
    added = ["sentiment_label", "probability", "sentiment", "stars", "reason"]
    assert list(rows[0]) == ["id", "TEXT", "label", *added]
    assert [row["id"] + row["label"] for row in rows] == ["1a", "2b", "3c", "4d", "5e"]
    assert rows[0]["TEXT"] == "great, love it\nperfect"
    assert [row["sentiment_label"] for row in rows] == ["positive", "negative", "", "", ""]
    assert [bool(row["probability"]) for row in rows] == [True, True, False, False, False]
    assert [row["sentiment"] for row in rows] == ["positive", "negative", "", "", ""]
    stars = [row["stars"] for row in rows]
    assert stars[0] in {"4", "5"}
    assert stars[1] in {"1", "2"}
    assert stars[2:] == ["", "", ""]
    assert [row["reason"] for row in rows] == [
        "",
        "",
        "the text is empty",
        "the text has only one letter",
        "the text has only digits",
    ]
    assert set(tmp_path.iterdir()) == {source, out}


def test_predict_of_a_file_writes_no_formulas_and_no_control_characters(command, tmp_path):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text,=note\ngreat \x1b[2J\u202e,@SUM(1)\n=terrible waste,-5\n")

    assert command("predict", "--csv", source, "--out", out).exit_code == 0

    with out.open(newline="") as file:
        rows = [row[:2] for row in csv.reader(file)]
    assert rows == [
        ["text", "'=note"],
        ["great \\x1b[2J\\u202e", "'@SUM(1)"],
        ["'=terrible waste", "-5"],
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column text"),
        (b"id,review\n1,good\n", "no column text in its first line, only: id, review"),
        (b"id,text\n1,good\n2,a,b\n", "line 3: 3 fields, the first line has 2"),
        (b"text\ngood\nb\xe4d\n", "line 3 is not UTF-8"),
    ],
)
def test_predict_of_an_unusable_file_names_file_and_line(command, tmp_path, content, message):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(content)
    out.write_text("as it was")

    line = usage_error(command("predict", "--csv", source, "--out", out))

    assert str(source) in line
    assert message in line
    assert out.read_text() == "as it was"
    assert set(tmp_path.iterdir()) == {source, out}


def test_missing_files_and_folders_are_named(command, tmp_path):
    source = tmp_path / "in.csv"
    assert f"{source} cannot be read" in usage_error(
        command("predict", "--csv", source, "--out", tmp_path / "out.csv")
    )
    source.write_text("text\ngood\n")
    nowhere = tmp_path / "nowhere" / "out.csv"
    assert f"{nowhere} cannot be written" in usage_error(
        command("predict", "--csv", source, "--out", nowhere)
    )
    assert "cannot be read" in usage_error(command("evaluate", tmp_path / "nothing.json"))


@pytest.mark.parametrize(
    "arguments", [(), ("good", "--csv", "a"), ("--csv", "a"), ("good", "--out", "a")]
)
def test_predict_needs_either_a_text_or_a_file(command, arguments):
    result = command("predict", *arguments)
    assert result.exit_code == 2
    assert "either a text, or --csv with --out" in result.stderr


@pytest.mark.parametrize("task", TASKS)
def test_evaluate_prints_the_metrics_of_a_file(command, model, reviews, task):
    path, examples = reviews

    result = command("evaluate", path, "--task", task)

    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    expected = evaluate(examples, model.predict_proba(examples, task), TASKS[task], "")
    assert figures.pop("model_version") == model_version(model)
    assert figures.pop("skipped") == expected.skipped + 3
    assert figures == pytest.approx({"task": task, **asdict(expected.metrics)})


def test_evaluate_accepts_the_deprecated_name_of_a_task(command, reviews):
    outputs = [
        json.loads(command("evaluate", reviews[0], "--task", task).stdout)
        for task in ("label_a", "negative_up_to_3")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0]["task"] == "negative_up_to_3"


def test_evaluate_reads_plain_and_empty_files(command, tmp_path):
    path = tmp_path / "reviews.json"
    path.write_text('{"reviewText": "great", "overall": 5}\n')
    assert json.loads(command("evaluate", path).stdout)["rows"] == 1
    path.write_text("")
    output = json.loads(command("evaluate", path).stdout)
    assert (output["task"], output["rows"]) == ("binary", 0)
    assert (output["skipped"], output["auc"]) == (0, None)


def test_evaluate_converts_numbers_and_texts_as_the_pipeline(command, tmp_path):
    path = tmp_path / "reviews.json"
    stars = [5, 5.0, "5", "5.0", " 5\\t", "+5", "5e0"]
    lines = [f'{{"overall": {json.dumps(n)}, "reviewText": "great"}}\n' for n in stars]
    path.write_text("".join(lines).replace("\\\\t", "\\t"))
    expected = json.loads(command("evaluate", path).stdout)
    path.write_text('{"overall": 5, "reviewText": 7, "summary": true}\n{"overall": ""}\n')
    numbers = json.loads(command("evaluate", path).stdout)

    assert (expected["rows"], expected["skipped"]) == (len(stars), 0)
    assert (numbers["rows"], numbers["skipped"]) == (1, 1)


def test_evaluate_of_labels_reports_form_and_skipped_reviews(command, tmp_path):
    path = tmp_path / "labels.txt"
    lines = ["__label__2 great, love it", "__label__1 broke, what a waste", "__label__ nothing"]
    path.write_text("\n".join(lines))

    for task in ("binary", "negative_up_to_3", "three"):
        result = command("evaluate", path, "--task", task)
        figures = json.loads(result.stdout)
        assert (figures["rows"], figures["skipped"], figures["accuracy"]) == (2, 1, 1)
    assert result.stderr == (
        f"{path}: fastText labels; label 1 (negative): 1; label 2 (positive): 1; "
        "1 skipped without a label\n"
    )
    five = usage_error(command("evaluate", path, "--task", "five"))
    assert f"{path} has classes, not stars" in five
    result = command("evaluate", path, "--task", "five", "--labels", "stars")
    assert json.loads(result.stdout)["rows"] == 2


@pytest.mark.parametrize(
    ("line", "message"),
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
def test_evaluate_names_an_invalid_line(command, tmp_path, line, message):
    path = tmp_path / "reviews.json"
    path.write_text(f'{{"overall": 4, "reviewText": "good"}}\n{line}\n')
    error = usage_error(command("evaluate", path))
    assert f"{path}, line 2" in error
    assert message in error


def test_evaluate_names_a_truncated_file(command, reviews):
    path, _ = reviews
    path.write_bytes(path.read_bytes()[:-40])
    assert f"{path} breaks off after line" in usage_error(command("evaluate", path))


def test_missing_model_exits_with_2_and_names_the_asset(command, reviews, tmp_path):
    (tmp_path / "in.csv").write_text("text\ngood\n")
    for arguments in (
        ("predict", "good"),
        ("predict", "--csv", tmp_path / "in.csv", "--out", tmp_path / "out.csv"),
        ("evaluate", reviews[0]),
    ):
        assert "asset model/sentiment" in usage_error(command(*arguments, folder=tmp_path))


def test_damaged_model_exits_with_2_and_names_file_and_asset(command, tmp_path, model, empty_store):
    publish(model, tmp_path, empty_store).write_bytes(b"damaged")
    assert_file_and_asset_are_named(usage_error(command("predict", "good", folder=tmp_path)))


def test_lost_model_exits_with_2_and_names_file_and_asset(command, tmp_path, model, empty_store):
    publish(model, tmp_path, empty_store).unlink()
    assert_file_and_asset_are_named(usage_error(command("predict", "good", folder=tmp_path)))


def assert_file_and_asset_are_named(line):
    assert "sentiment.model" in line
    assert "materialize the asset model/sentiment again" in line
