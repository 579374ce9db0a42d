"""Files of reviews with stars or labels: their forms, the meaning of labels, and errors."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from amazon_reviews.errors import InputFileError
from amazon_reviews.serving.review_files import read_reviews


def content(path, labels=None):
    """Return title, text and stars of each review, and the sentence about the file."""
    file = read_reviews(path, labels)
    rows = [
        (title, text, None if np.isnan(stars) else stars)
        for chunk in file.examples()
        for title, text, stars in zip(
            chunk.summaries.to_pylist(), chunk.texts.to_pylist(), chunk.stars.tolist(), strict=True
        )
    ]
    return rows, file.summary()


@pytest.mark.parametrize(
    ("text", "expected", "form"),
    [
        (
            '__label__2 Great "CD": I love it\n\n__label__1 Bad\n__label__ none\nno label\n',
            [
                (None, 'Great "CD": I love it', 5),
                (None, "Bad", 1),
                (None, "none", None),
                (None, "no label", None),
            ],
            "fastText labels; label 1 (negative): 1; label 2 (positive): 1; 2 skipped",
        ),
        (
            '"2","Great, ""really""","one\\ntwo \\""three\\"""\n"1","Bad","first\nsecond"\n,t,x\n',
            [
                ('Great, "really"', 'one\ntwo "three"', 5),
                ("Bad", "first\nsecond", 1),
                ("t", "x", None),
            ],
            "CSV without a header, columns class, title, text; label 1 (negative): 1; label 2",
        ),
        (
            "2,good\n1,bad\n",
            [(None, "good", 5), (None, "bad", 1)],
            "CSV without a header, columns class, text",
        ),
        (
            "3,a,b\n5,c,d\n1,e,f\n",
            [("a", "b", 3), ("c", "d", 5), ("e", "f", 1)],
            "label 1 (1 stars): 1; label 3 (3 stars): 1",
        ),
        ("0,bad\n1,good\n", [(None, "bad", 1), (None, "good", 5)], "label 0 (negative): 1"),
        (
            'label\treview\nPOS\t"Great ""CD""\nof it"\nneg\tBad, "so"\nneutral\tso\n\tnone\n',
            [
                (None, 'Great "CD"\nof it', 5),
                (None, 'Bad, "so"', 1),
                (None, "so", 3),
                (None, "none", None),
            ],
            "tab-separated with label, review; label neg (negative): 1; label neutral",
        ),
        (
            'label\treview\npos\t"Great" CD\nneg\t"Bad\n',
            [(None, '"Great" CD', 5), (None, '"Bad', 1)],
            "tab-separated",
        ),
        (
            "id,stars,review_title,review_body\n7,4.5,t,x\n8,,t,y\n",
            [("t", "x", 4.5), ("t", "y", None)],
            "CSV with stars, review_title, review_body; 1 skipped without stars",
        ),
        (
            '{"rating": 4.0, "title": "t", "text": "x"}\n{"stars": "2", "review_body": "y"}\n',
            [("t", "x", 4), (None, "y", 2)],
            "JSON lines; 0 skipped without stars",
        ),
        (
            '{"label": 1, "content": "x"}\n{"label": 2, "content": "y"}\n{"content": "z"}\n',
            [(None, "x", 1), (None, "y", 5), (None, "z", None)],
            "JSON lines; label 1 (negative): 1; label 2 (positive): 1; 1 skipped without a label",
        ),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_forms_of_reviews(tmp_path, text, expected, form, compressed):
    path = tmp_path / "reviews"
    data = ("\ufeff" + text).encode()
    path.write_bytes(gzip.compress(data) if compressed else data)
    rows, summary = content(path)
    assert rows == expected
    assert form in summary


def test_all_labels_of_a_sorted_file_decide_about_their_meaning(tmp_path):
    path = tmp_path / "sorted.csv"
    lines = [f"{stars},text" for stars in range(1, 6) for _ in range(1_500)]
    path.write_text("\n".join(lines))
    assert Counter(stars for *_, stars in content(path)[0]) == dict.fromkeys(range(1, 6), 1_500)
    path.write_text("\n".join(lines[:3_000]))
    assert {stars for *_, stars in content(path)[0]} == {1, 5}
    assert {stars for *_, stars in content(path, "stars")[0]} == {1, 2}


def test_a_label_of_0_among_stars_needs_the_option(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("0,a\n4,b\n")
    with pytest.raises(InputFileError, match="has the labels 0, 4, which are not of one kind"):
        read_reviews(path)
    rows, summary = content(path, "stars")
    assert rows == [(None, "a", 0), (None, "b", 4)]
    assert "label 4 (4 stars): 1; 1 skipped without a label" in summary


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,a\nmaybe,b\n", "line 2: class 'maybe' is unknown; labels are 0 to 5, neg"),
        ("1,a\n9,b\n", "line 2: class '9' is unknown"),
        ("__label__1 a\n__label__x b\n", "line 2: label 'x' is unknown"),
        ("__label__1 __label__2 a\n", "line 1 has several labels"),
        ("label,text\n1,a\npos,b\n", "has the labels 1, pos, which are not of one kind"),
        ("1,a\n2,b,c\n", "line 2: 3 fields, the first line has 2"),
        ("stars,text\n5,a\nfive,b\n", "line 3: stars is not a number"),
        (
            "some words\n",
            "no known file of reviews: its first line is 'some words'. Known are JSON",
        ),
        ("id,text\n1,good\n", "its first line is 'id,text'"),
        ('{"title": "product", "price": 3}\n', "line 1 has no known field, only: title, price"),
        ("1,a\n2,\ud800\n", "line 2 is not UTF-8"),
    ],
)
def test_unusable_files_name_what_was_seen(tmp_path, text, message):
    path = tmp_path / "reviews"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputFileError) as caught:
        list(read_reviews(path).examples())
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


REAL = {
    "polarity/test.ft.txt": {1: 216, 5: 221},
    "polarity/amazon_reviews_label.tsv": {1: 102, 5: 119},
    "polarity/yelp_review_polarity_csv/test.csv": {1: 5, 5: 4},
    "polarity/yelp_review_polarity_csv/train.csv": {1: 3, 5: 2},
    "polarity/yelp_review_polarity_csv/unlabeled.csv": {None: 9},
    "yelp/yelp_academic_dataset_review.json": {1: 38, 2: 32, 3: 28, 4: 75, 5: 109},
    "marc/dataset_en_test.json": None,
}


@pytest.mark.parametrize(("name", "facts"), REAL.items())
def test_real_files_have_the_published_labels(name, facts):
    folder = os.environ.get("AMAZON_REVIEWS_REAL_DATA")
    if not folder:
        pytest.skip("AMAZON_REVIEWS_REAL_DATA is not set")
    path = Path(folder, "formats", name)
    if facts is None:
        facts = Counter(float(json.loads(line)["stars"]) for line in path.open(encoding="utf-8"))
    rows, _ = content(path)
    assert Counter(stars for *_, stars in rows) == facts
    assert all(text and "\\n" not in text for _, text, _ in rows)
