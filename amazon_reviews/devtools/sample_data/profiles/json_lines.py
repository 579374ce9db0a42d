"""Profiles of reviews in JSON lines. They can hold defects of every reason."""

import json
import random
from abc import abstractmethod
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from amazon_reviews.devtools.sample_data import defects
from amazon_reviews.devtools.sample_data.identifiers import product_number, user_number
from amazon_reviews.devtools.sample_data.profiles.names import FileNames
from amazon_reviews.devtools.sample_data.profiles.records import EncodedReviews
from amazon_reviews.devtools.sample_data.profiles.review import Review

EARLY_SECOND, LATE_SECOND = 500_000_000, 4_200_000_000  # in 1985 and in 2103
EACH_VARIANT = 4  # one review in four is of a variant of the product
EACH_FLOAT_TIME = 400
_VARIANTS = 3
_BOOL = ("false", "true")
_text = encode_basestring_ascii


class JsonReviews(EncodedReviews):
    """JSON objects, one in a line."""

    fields: defects.Fields
    reasons = defects.REASONS

    def encode(self, review: Review) -> str:
        """Return the object, with the unknown fields at its end."""
        line = self.object(review)
        return f"{line[:-1]}, {json.dumps(review.unknown)[1:]}" if review.unknown else line

    def invalid(self, review: Review, reason: str, rng: random.Random) -> str:
        """Return an object like that of the review, with a defect."""
        return defects.invalid_review(self.encode(review), reason, rng, self.fields)

    @abstractmethod
    def object(self, review: Review) -> str:
        """Return the object of a review without unknown fields."""


class Reviews2014(JsonReviews):
    """Reviews of amazon_2014; an omitted text is an omitted key."""

    names = FileNames("reviews_{category}", ".json.gz")
    fields = defects.Fields(
        "reviewerID",
        ("asin",),
        "overall",
        ("reviewText", "summary"),
        "unixReviewTime",
        EARLY_SECOND,
        LATE_SECOND,
    )

    def object(self, review: Review) -> str:
        """Return the object of a review without unknown fields."""
        year, month, day = review.day.split("-")
        name = f'"reviewerName": {_text(review.name)}, ' if review.name else ""
        text = "" if review.text is None else f'"reviewText": {_text(review.text)}, '
        summary = "" if review.summary is None else f'"summary": {_text(review.summary)}, '
        return (
            f'{{"reviewerID": "{review.reviewer}", "asin": "{review.asin}", {name}'
            f'"helpful": [{review.votes}, {review.total_votes}], {text}"overall": {review.stars}, '
            f'{summary}"unixReviewTime": {review.seconds}, '
            f'"reviewTime": "{month} {int(day)}, {year}"}}'
        )

    def keeps_identity(self, review: Review) -> bool:
        """Return True."""
        return True


class Reviews2023(JsonReviews):
    """Reviews of amazon_2023.

    The parent_asin is the product of the catalogue. A share of reviews is of a variant, with an
    asin of its own. Some timestamps are in float notation, rounded to six digits.
    """

    names = FileNames("{category}", ".jsonl.gz")
    fields = defects.Fields(
        "user_id",
        ("asin", "parent_asin"),
        "rating",
        ("text", "title"),
        "timestamp",
        EARLY_SECOND * 1000,
        LATE_SECOND * 1000,
    )

    def object(self, review: Review) -> str:
        """Return the object of a review without unknown fields."""
        time = review.millisecond
        is_float = not (review.salt >> 40) % EACH_FLOAT_TIME
        return (
            f'{{"rating": {review.stars}, "title": {_text(review.summary or "")}, '
            f'"text": {_text(review.text or "")}, "images": {_images(review)}, '
            f'"asin": "{_asin(review)}", "parent_asin": "{review.asin}", '
            f'"user_id": "{review.reviewer}", '
            f'"timestamp": {f"{time:.5e}" if is_float else time}, '
            f'"helpful_vote": {review.votes}, "verified_purchase": {_BOOL[review.verified]}}}'
        )

    def keeps_identity(self, review: Review) -> bool:
        """Return True if the asin is the parent's, and no text is empty instead of omitted."""
        return _asin(review) == review.asin and None not in (review.text, review.summary)


class MarcReviews(JsonReviews):
    """Reviews of the multilingual corpus: no date, ids with a language, stars as text."""

    names = FileNames("dataset_en_train", ".json")
    fields = defects.Fields(
        "reviewer_id", ("product_id",), "stars", ("review_body", "review_title")
    )

    def object(self, review: Review) -> str:
        """Return the object of a review without unknown fields."""
        return (
            f'{{"review_id": "en_{review.salt % 10**12:012d}", '
            f'"product_id": "product_en_{product_number(review.asin):07d}", '
            f'"reviewer_id": "reviewer_en_{user_number(review.reviewer):07d}", '
            f'"stars": "{review.stars:.0f}", "review_body": {_text(review.text or "")}, '
            f'"review_title": {_text(review.summary or "")}, "language": "en", '
            f'"product_category": {_text(self.items[review.asin].path[0].lower())}}}'
        )


class YelpReviews(JsonReviews):
    """Reviews of Yelp: no title, which replaces an omitted text; slashes are escaped."""

    names = FileNames("yelp_academic_dataset_review", ".json")
    fields = defects.Fields(
        "user_id",
        ("business_id",),
        "stars",
        ("text",),
        "date",
        "1985-11-05 00:53:20",
        "2103-02-03 02:40:00",
    )

    def object(self, review: Review) -> str:
        """Return the object of a review without unknown fields."""
        text = encode_basestring(review.text or review.summary or "").replace("/", "\\/")
        return (
            f'{{"review_id":"{review.salt:022x}","user_id":"{review.reviewer}________",'
            f'"business_id":"{review.asin}____________","stars":{review.stars},'
            f'"useful":{review.votes},"funny":{review.salt % 3},"cool":{review.salt % 5},'
            f'"text":{text},"date":"{review.day} {review.clock}"}}'
        )


def _asin(review: Review) -> str:
    """Return the asin of amazon_2023: another letter or digit for a variant of the product."""
    if (review.salt >> 8) % EACH_VARIANT:
        return review.asin
    number = 1 + (review.salt >> 16) % _VARIANTS
    place = review.asin.index("0")
    return f"{review.asin[:place]}{number}{review.asin[place + 1 :]}"


def _images(review: Review) -> str:
    if not review.images:
        return "[]"
    stems = [url.split("._")[0] for url in review.images]
    images: list[dict[str, Any]] = [
        {
            "small_image_url": f"{stem}._SL256_.jpg",
            "medium_image_url": f"{stem}._SL800_.jpg",
            "large_image_url": f"{stem}._SL1600_.jpg",
            "attachment_type": "IMAGE",
        }
        for stem in stems
    ]
    return json.dumps(images)
