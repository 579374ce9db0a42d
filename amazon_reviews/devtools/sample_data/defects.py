"""Defects of the sample: duplicate lines, and lines that must be rejected."""

import json
import random
from typing import Any

REASONS = (
    "not_json",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "not_utf8",
    "not_an_object",
    "missing_field",
    "not_json",
)
PRODUCT_REASONS = ("not_json", "missing_field", "wrong_type", "not_utf8", "not_an_object")

_REQUIRED = (("reviewerID",), ("asin",), ("overall",), ("reviewText", "summary"))
_NOT_OBJECTS = ("[]", '["A2OCDK0BOW6UCY", "B0007RAE7A", 5.0]', '"five stars"', "42", "null", "true")
_BAD_BYTES = ("\udcff", "\udce9t\udce9", "\udcf0\udc9f", "\udcc0\udc80")  # 0xff, 0xe9 't' 0xe9, …
_CONTAINERS = ("style", "image")


def duplicate(line: str, rng: random.Random) -> str:
    """Return a duplicate of a review: the same line, or its values in other types and order.

    The identity (reviewerID, asin, overall, reviewText, summary) is unchanged. The vote or the
    style may be missing.
    """
    if rng.random() < 0.5:
        return line
    review: dict[str, Any] = json.loads(line)
    stars = review["overall"]
    review["overall"] = int(stars) if isinstance(stars, float) else float(stars)
    if rng.random() < 0.5:
        verified = review["verified"]
        is_text = isinstance(verified, str)
        review["verified"] = verified == "true" if is_text else json.dumps(verified)
    for key in _CONTAINERS:
        if key in review and rng.random() < 0.5:
            review[key] = _other_container(review[key])
    if rng.random() < 0.3:
        review.pop(rng.choice(("style", "vote")), None)
    keys = list(review)
    rng.shuffle(keys)
    return json.dumps({key: review[key] for key in keys}, ensure_ascii=rng.random() < 0.5)


def invalid_review(line: str, reason: str, rng: random.Random) -> str:
    """Return a line like the given review that must be rejected for the given reason.

    Bytes that are not UTF-8 are lone surrogates in the result: encode with `surrogateescape`.
    """
    if reason == "not_json":
        return _not_json(line, rng)
    if reason == "not_utf8":
        return _not_utf8(line, rng)
    if reason == "not_an_object":
        return rng.choice(_NOT_OBJECTS)
    record = json.loads(line)
    {"missing_field": _drop, "wrong_type": _retype, "out_of_range": _exceed}[reason](record, rng)
    return json.dumps(record)


def invalid_product(line: str, reason: str, rng: random.Random) -> str:
    """Return a line like the given product, whose only required field is its asin."""
    if reason not in ("missing_field", "wrong_type"):
        return invalid_review(line, reason, rng)
    product = json.loads(line)
    if reason == "wrong_type":
        product["asin"] = [product["asin"]]
    elif rng.random() < 0.5:
        product["asin"] = None
    else:
        del product["asin"]
    return json.dumps(product)


def _not_json(line: str, rng: random.Random) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        return line[: rng.randrange(2, len(line) - 1)]
    if kind == 1:
        return repr(json.loads(line))
    if kind == 2:
        return line[:-1]
    return line.replace('"asin":', '"asin"', 1)


def _not_utf8(line: str, rng: random.Random) -> str:
    """Insert bad bytes in a string value, so that only the encoding is wrong, not the JSON."""
    at = line.index('"asin"') + len('"asin"')
    at = line.index('"', at) + 1
    return line[:at] + rng.choice(_BAD_BYTES) + line[at:]


def _drop(review: dict[str, Any], rng: random.Random) -> None:
    as_null = rng.random() < 0.3
    for key in rng.choice(_REQUIRED):
        review.pop(key, None)
        if as_null:
            review[key] = None


def _retype(review: dict[str, Any], rng: random.Random) -> None:
    key = rng.choice(("overall", "asin", "reviewText"))
    value = review.get(key)
    review[key] = {"overall": "five", "asin": [value], "reviewText": {"text": value}}[key]


def _exceed(review: dict[str, Any], rng: random.Random) -> None:
    value = rng.choice((7, -1, 6.0))
    review["overall"] = f"{value:.1f}" if isinstance(review["overall"], str) else value


def _other_container(value: Any) -> Any:
    if isinstance(value, str):
        return json.loads(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
