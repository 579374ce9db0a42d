"""Defects of the sample: duplicate lines, and lines that must be rejected."""

import json
import random
from dataclasses import dataclass
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

_NOT_OBJECTS = ("[]", '["A2OCDK0BOW6UCY", "B0007RAE7A", 5.0]', '"five stars"', "42", "null", "true")
_BAD_BYTES = ("\udcff", "\udce9t\udce9", "\udcf0\udc9f", "\udcc0\udc80")  # 0xff, 0xe9 't' 0xe9, …
_CONTAINERS = ("style", "image")


@dataclass(frozen=True)
class Fields:
    """The fields of a source profile that defects are made in.

    Attributes:
        reviewer: The field that names the reviewer.
        product: The fields that name the product, for instance a variant and its parent.
        stars: The rating.
        texts: Text and title; a review needs one of them.
        time: The date or time, empty without one.
        early: A time before 1995, as the profile writes it.
        late: A time after 2099.
    """

    reviewer: str
    product: tuple[str, ...]
    stars: str
    texts: tuple[str, ...]
    time: str = ""
    early: str | int = ""
    late: str | int = ""

    @property
    def required(self) -> tuple[tuple[str, ...], ...]:
        """Groups of fields; a record needs a value in each group."""
        return (self.reviewer,), self.product, (self.stars,), self.texts


AMAZON_2018 = Fields("reviewerID", ("asin",), "overall", ("reviewText", "summary"))


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


def rejected_review(line: str, number: int, rng: random.Random) -> tuple[str, str]:
    """Return the reason of the rejected review with that number, and its line of amazon_2018."""
    reason = REASONS[number % len(REASONS)]
    return reason, invalid_review(line, reason, rng)


def invalid_review(line: str, reason: str, rng: random.Random, fields: Fields = AMAZON_2018) -> str:
    """Return a line like the given review that must be rejected for the given reason.

    The line is a JSON object. Bytes that are not UTF-8 are lone surrogates in the result: encode
    with `surrogateescape`.
    """
    if reason not in _CHANGES:
        return _unreadable(line, reason, rng, fields.product[0])
    record = json.loads(line)
    _CHANGES[reason](record, rng, fields)
    return json.dumps(record)


def invalid_product(line: str, reason: str, rng: random.Random, key: str = "asin") -> str:
    """Return a line like the given product, whose only required field is `key`."""
    if reason not in _CHANGES:
        return _unreadable(line, reason, rng, key)
    product = json.loads(line)
    if reason == "wrong_type":
        product[key] = [product[key]]
    elif rng.random() < 0.5:
        product[key] = None
    else:
        del product[key]
    return json.dumps(product)


def _unreadable(line: str, reason: str, rng: random.Random, key: str) -> str:
    if reason == "not_json":
        return _not_json(line, rng, key)
    if reason == "not_utf8":
        return _not_utf8(line, rng, key)
    return rng.choice(_NOT_OBJECTS)


def _not_json(line: str, rng: random.Random, key: str) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        return line[: rng.randrange(2, len(line) - 1)]
    if kind == 1:
        return repr(json.loads(line))
    if kind == 2:
        return line[:-1]
    return line.replace(f'"{key}":', f'"{key}"', 1)


def _not_utf8(line: str, rng: random.Random, key: str) -> str:
    """Insert bad bytes in a string value, so that only the encoding is wrong, not the JSON."""
    at = line.index(f'"{key}"') + len(f'"{key}"')
    at = line.index('"', at) + 1
    return line[:at] + rng.choice(_BAD_BYTES) + line[at:]


def _drop(review: dict[str, Any], rng: random.Random, fields: Fields) -> None:
    as_null = rng.random() < 0.3
    for key in rng.choice(fields.required):
        review.pop(key, None)
        if as_null:
            review[key] = None


def _retype(review: dict[str, Any], rng: random.Random, fields: Fields) -> None:
    keys = (fields.stars, fields.product[0], fields.texts[0], fields.time)
    key = rng.choice(keys if fields.time else keys[:3])
    value = review.get(key)
    review[key] = dict(zip(keys, ("five", [value], {"text": value}, "soon"), strict=True))[key]


def _exceed(review: dict[str, Any], rng: random.Random, fields: Fields) -> None:
    if fields.time and rng.random() < 0.5:
        review[fields.time] = rng.choice((fields.early, fields.late))
        return
    value = rng.choice((7, -1, 6.0))
    review[fields.stars] = f"{value:.1f}" if isinstance(review[fields.stars], str) else value


_CHANGES = {"missing_field": _drop, "wrong_type": _retype, "out_of_range": _exceed}


def _other_container(value: Any) -> Any:
    if isinstance(value, str):
        return json.loads(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
