"""Guesses of the canonical fields of an unknown file, from names and values of its fields."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from amazon_reviews.profiles.profile import Order, Source

_TIMES = "date, time, timestamp, datetime, created, created at, created on, posted, posted at, \
submitted, submitted at, published, published at, submission time, submission date, day"
SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "reviews": {
        "reviewerID": "reviewer id, user id, customer id, author id, member id, buyer id, \
client id, account id, reviewer, user, customer, author, member, buyer, client, reviewer name, \
user name, username, customer name, author name, profile name, nickname",
        "asin": "asin, product id, item id, product asin, sku, product sku, item sku, product \
code, item code, article number, article id, ean, gtin, isbn, upc, business id, movie id, book id, \
product, item, article, domain, company",
        "parent_asin": "parent asin, product parent, parent id, parent sku, product family",
        "overall": "overall, rating, star, star rating, score, rate, grade, mark",
        "reviewText": "text, body, comment, content, review, message, opinion, feedback",
        "summary": "summary, title, headline, heading, subject",
        "reviewerName": "reviewer name, user name, username, customer name, author name, \
profile name, display name, nickname",
        "verified": "verified, verified purchase, verified buyer, is verified, did purchase",
        "vote": "vote, helpful vote, helpful, like, useful, upvote, helpful count, num helpful, \
like count, thumb up",
        "helpful_total": "total vote, helpful total, vote total",
        "image": "image, picture, photo",
        "unixReviewTime": f"unix time, epoch, {_TIMES}",
        "reviewTime": _TIMES,
        "language": "language, lang, locale",
        "marketplace": "marketplace, country, market, site, shop, region",
        "vine": "vine",
    },
    "products": {
        "asin": "asin, parent asin, id, sku, code, number, ean, gtin, isbn, upc, article id, \
article number",
        "title": "title, name",
        "brand": "brand, manufacturer, maker, vendor, store",
        "main_cat": "main category, department, type, group, category",
        "category": "category path, category tree, breadcrumb, category",
        "price": "price, sale price, list price, cost, amount",
        "description": "description, text, body",
        "feature": "feature, bullet point, highlight",
        "imageURL": "image url, image, picture, photo, thumbnail, img",
        "rank": "rank, sale rank, best seller rank",
        "date": "date, date first available, release date, date added, launch date, created",
        "average_rating": "average rating, avg rating, mean rating, rating, star",
        "rating_number": "rating number, rating count, review count, number of review, \
number of rating, num review",
    },
}
"""Names that fields have, by dataset and canonical field, from the most to the least certain."""

# Words that a name of each dataset may begin with without a change of its meaning.
_PREFIXES = {"reviews": {"review"}, "products": {"product", "item"}}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_SHARED = {"reviewerID", "reviewerName"}
# The values of a time decide which of these fields it is.
_BY_TIME = ("unixReviewTime", "reviewTime")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MONTH = "(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*"
_WRITTEN_DATE = re.compile(
    rf"[12][0-9]{{3}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}(?:[T ].*)?"
    rf"|{_MONTH}\.? [0-9]{{1,2}}(?:,| ) *[0-9]{{4}}"
    rf"|[0-9]{{1,2}}[ -]{_MONTH}\.?,?[ -](?:[0-9]{{2}}){{1,2}}"
    r"|[0-9]{1,2} [0-9]{1,2}, [0-9]{4}",
    re.IGNORECASE,
)
_NUMERIC_DATE = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.][0-9]{4}")
_NEGATIONS = {"no", "not", "un", "without"}
_FLAGS = {"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"}
_TRUE_WORDS = ("verified", "verified purchase", "verified buyer", "oui", "ja", "si", "sí", "sim")
_FALSE_WORDS = ("unverified", "not verified", "non", "nein", "não", "nee")
_FIRST_SECONDS, _FIRST_MILLISECONDS = 10**8, 10**11
_MOST_EXAMPLES = 3
_MOSTLY = 0.8
_PATTERNS = {
    "overall": r"([0-5](?:\.[0-9]+)?)",
    "vote": r"([0-9][0-9,]*)",
    "reviewTime": r"([A-Z][a-z]+ [0-9]{1,2}, [0-9]{4}|[0-9]{1,2} [A-Z][a-z]+ [0-9]{4})",
}


@dataclass(frozen=True)
class Guess:
    """A guessed source of a canonical field; `sure` if both its name and its values fit."""

    source: Source
    sure: bool
    examples: tuple[str, ...]


def fields_by_name(dataset: str, names: Iterable[str]) -> dict[str, list[tuple[str, bool]]]:
    """Return the fields that may be each canonical field, the best first.

    Each is True if its name is a synonym, False if its name only holds one.
    """
    words = {name: _words(name) for name in names}
    prefixes = _PREFIXES[dataset]
    candidates: dict[str, list[tuple[str, bool]]] = {}
    for canonical, synonyms in SYNONYMS[dataset].items():
        phrases = [_words(canonical), *map(_words, synonyms.split(", "))]
        ranked = sorted(
            (rank, name)
            for name, of_name in words.items()
            if (rank := _rank(of_name, phrases, prefixes)) is not None
        )
        candidates[canonical] = [(name, rank < len(phrases)) for rank, name in ranked]
    return candidates


def guess_fields(dataset: str, sample: Sequence[Mapping[str, Any]]) -> dict[str, Guess]:
    """Return a guess for each canonical field that a field of these records may be."""
    texts = _texts_by_field(sample)
    candidates = fields_by_name(dataset, texts)
    guesses: dict[str, Guess] = {}
    for is_synonym, fits in ((True, True), (False, True), (True, False)):
        for canonical, fields in candidates.items():
            names = [name for name, of_synonym in fields if of_synonym == is_synonym]
            for name in names if canonical not in guesses else ():
                source = _checked(canonical, name, texts[name])
                if (source is not None) != fits or not _is_free(canonical, name, guesses):
                    continue
                if fits or canonical not in _BY_TIME:
                    sure = is_synonym and fits
                    guesses[canonical] = Guess(
                        source or Source(field=name), sure, _examples(texts[name])
                    )
                    break
    return guesses | dict(_by_values(dataset, texts, guesses))


def _is_free(canonical: str, name: str, guesses: Mapping[str, Guess]) -> bool:
    """Return True if no other canonical field has this field, but for the reviewer's two."""
    return all(
        guess.source.field != name or {canonical, other} == _SHARED
        for other, guess in guesses.items()
    )


def _by_values(
    dataset: str, texts: Mapping[str, list[str]], guesses: Mapping[str, Guess]
) -> Iterator[tuple[str, Guess]]:
    """Yield guesses for stars and times without a name that says so; they are never sure."""
    if dataset != "reviews":
        return
    missing = [] if guesses.keys() & {*_BY_TIME} else [*_BY_TIME]
    missing += [] if "overall" in guesses else ["overall"]
    for canonical in missing:
        for name, values in texts.items():
            source = _checked(canonical, name, values)
            if source and not source.pattern and _is_free(canonical, name, guesses):
                yield canonical, Guess(source, False, _examples(values))
                break


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name such as starRating: each once, in lower case, singular."""
    words = (_singular(word.lower()) for word in _WORDS.findall(name))
    return tuple(dict.fromkeys(words))


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] != "s" else word


def _rank(
    words: tuple[str, ...], phrases: Sequence[tuple[str, ...]], prefixes: set[str]
) -> int | None:
    """Return the place of the phrase that a name is, after all of them if it only holds one."""
    bare = words
    while len(bare) > 1 and bare[0] in prefixes:
        bare = bare[1:]
    for rank, phrase in enumerate(phrases):
        if phrase in (words, bare):
            return rank
    for rank, phrase in enumerate(phrases):
        if set(phrase) <= set(bare) and not _NEGATIONS & set(bare):
            return len(phrases) + rank
    return None


def _texts_by_field(sample: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for record in sample:
        for name, value in record.items():
            text = value if isinstance(value, str) else _json(value)
            filled = texts.setdefault(name, [])
            if text.strip() and value is not None:
                filled.append(text.strip())
    return {name: values for name, values in texts.items() if name}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _examples(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))[:_MOST_EXAMPLES]


def _checked(canonical: str, name: str, texts: Sequence[str]) -> Source | None:
    """Return the field with the conversions that its values need; None if they do not fit."""
    source = Source(field=name)
    if canonical == "overall":
        fits = _mostly(texts, lambda text: _in_range(text, 0, 5))
        return source if fits else _with_pattern(source, canonical, texts)
    if canonical in ("vote", "helpful_total", "rating_number"):
        fits = _mostly(texts, lambda text: _in_range(text.replace(",", ""), 0, 10**9))
        return source if fits else _with_pattern(source, "vote", texts)
    if canonical == "unixReviewTime":
        return _unix_time(source, texts)
    if canonical in ("reviewTime", "date"):
        return _written_time(source, texts)
    if canonical in ("verified", "vine"):
        return _flag(source, texts)
    if canonical in ("reviewText", "summary"):
        return None if _mostly(texts, _NUMBER.fullmatch) else source
    return source


def _mostly(texts: Sequence[str], fits: Callable[[str], object]) -> bool:
    return bool(texts) and sum(map(bool, map(fits, texts))) >= _MOSTLY * len(texts)


def _in_range(text: str, low: float, high: float) -> bool:
    return bool(_NUMBER.fullmatch(text)) and low <= float(text) <= high


def _with_pattern(source: Source, canonical: str, texts: Sequence[str]) -> Source | None:
    pattern = _PATTERNS[canonical]
    # A long text may hold a number, but it is not one.
    fits = _mostly(texts, lambda text: len(text) < 80 and re.search(pattern, text))
    return replace(source, pattern=pattern) if fits else None


def _unix_time(source: Source, texts: Sequence[str]) -> Source | None:
    if _mostly(texts, lambda text: _in_range(text, _FIRST_SECONDS, _FIRST_MILLISECONDS)):
        return source
    if _mostly(texts, lambda text: _in_range(text, _FIRST_MILLISECONDS, 10**14)):
        return replace(source, unit="milliseconds")
    return None


def _written_time(source: Source, texts: Sequence[str]) -> Source | None:
    if _mostly(texts, _WRITTEN_DATE.fullmatch):
        return source
    if _mostly(texts, _NUMERIC_DATE.fullmatch):
        firsts = [int(found[1]) for found in map(_NUMERIC_DATE.fullmatch, texts) if found]
        order: Order = "day month year" if max(firsts) > 12 else "month day year"
        return replace(source, order=order)
    return _with_pattern(source, "reviewTime", texts)


def _flag(source: Source, texts: Sequence[str]) -> Source | None:
    words = {text.lower() for text in texts}
    if words <= _FLAGS:
        return source
    true = tuple(word for word in _TRUE_WORDS if word in words)
    false = tuple(word for word in _FALSE_WORDS if word in words)
    known = words <= {*true, *false, *_FLAGS}
    return replace(source, true=true, false=false) if known and (true or false) else None
