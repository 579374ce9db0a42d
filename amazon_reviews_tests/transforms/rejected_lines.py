"""Lines that silver rejects, by case: each with its expected reason."""

import json
from typing import Any

from amazon_reviews_tests.helpers import product, review

Line = str | bytes | dict[str, Any]

LARGE_REVIEW = review(reviewText="x" * (4 << 20))
REJECTED_REVIEWS: dict[str, tuple[Line, str]] = {
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
    "too large": (json.dumps(LARGE_REVIEW), "too_large"),
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
    "reviewer with an escape": (review(reviewerID="A\x1b[31m1"), "wrong_type"),
    "reviewer with a line end": (review(reviewerID="A1\n"), "wrong_type"),
    "product that turns the direction": (review(asin="B\u202e1"), "wrong_type"),
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
REJECTED_PRODUCTS: dict[str, tuple[Line, str]] = {
    "cut": ('{"asin": "B1"', "not_json"),
    "array": ("[]", "not_an_object"),
    "not text": (b'{"asin": "\xff"}', "not_utf8"),
    "too large": (json.dumps(product(title="x" * (4 << 20))), "too_large"),
    "no asin": (product(asin=...), "missing_field"),
    "asin null": (product(asin=None), "missing_field"),
    "asin blank": (product(asin=" "), "missing_field"),
    "asin a list": (product(asin=["B1"]), "wrong_type"),
    "asin with a zero byte": (product(asin="B\x00"), "wrong_type"),
    "title an object": (product(title={"en": "can"}), "wrong_type"),
    "category a text": (product(category="Garden"), "wrong_type"),
    "also bought an object": (product(also_buy={"a": 1}), "wrong_type"),
    "image a text": (product(image="https://example.org/a.jpg"), "wrong_type"),
}

REJECTED = {"reviews": REJECTED_REVIEWS, "products": REJECTED_PRODUCTS}
