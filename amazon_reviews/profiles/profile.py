"""A source profile: the source fields behind each canonical field, and their conversions."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, Literal, Self

REVIEW_FIELDS = (
    "reviewerID",
    "asin",
    "parent_asin",
    "overall",
    "reviewText",
    "summary",
    "reviewerName",
    "verified",
    "vote",
    "helpful_total",
    "style",
    "image",
    "unixReviewTime",
    "reviewTime",
    "language",
    "marketplace",
    "vine",
)
"""The canonical fields of a review."""

PRODUCT_FIELDS = (
    "asin",
    "title",
    "brand",
    "main_cat",
    "category",
    "price",
    "description",
    "feature",
    "details",
    "image",
    "imageURL",
    "imageURLHighRes",
    "rank",
    "date",
    "also_buy",
    "also_view",
    "tech1",
    "tech2",
    "fit",
    "similar_item",
    "average_rating",
    "rating_number",
)
"""The canonical fields of a product."""

REQUIRED_FIELDS = {
    "reviews": (("reviewerID",), ("asin",), ("overall",), ("reviewText", "summary")),
    "products": (("asin",),),
}
"""The canonical fields without which a record is rejected, by dataset; one of each group."""

CANONICAL_FIELDS = {"reviews": REVIEW_FIELDS, "products": PRODUCT_FIELDS}
"""The canonical fields by dataset."""

MEANINGS = {
    "reviews": {
        "reviewerID": "id of the reviewer; a name serves, but equal names are one reviewer",
        "asin": "id of the product",
        "parent_asin": "id of the family of variants that the product belongs to",
        "overall": "stars from 1 to 5; 0 means that the review is not rated",
        "reviewText": "text of the review",
        "summary": "title of the review",
        "reviewerName": "name that the reviewer shows",
        "verified": "true if the purchase was verified",
        "vote": "number of helpful votes",
        "helpful_total": "number of helpful and unhelpful votes",
        "style": "variant that was bought, as a JSON object",
        "image": "pictures of the review, as a JSON array",
        "unixReviewTime": "time of the review as a number since 1970",
        "reviewTime": "date or time of the review as a text",
        "language": "language of the review",
        "marketplace": "shop of a country",
        "vine": "true if the reviewer got the product for free",
    },
    "products": {
        "asin": "id of the product",
        "title": "name of the product",
        "brand": "brand or maker",
        "main_cat": "main category",
        "category": "category path from broad to narrow, as a JSON array or one text",
        "price": "price, such as 12.99 or $5.00 - $7.50",
        "description": "description, as one text or a JSON array of paragraphs",
        "feature": "bullet points, as one text or a JSON array",
        "details": "facts by name, as a JSON object",
        "image": "small pictures, as a JSON array",
        "imageURL": "pictures, as a JSON array",
        "imageURLHighRes": "large pictures, as a JSON array",
        "rank": "sales rank, such as 1,234 in Music",
        "date": "day the product was first listed",
        "also_buy": "products that were bought too, as a JSON array",
        "also_view": "products that were viewed too, as a JSON array",
        "tech1": "table of facts in HTML",
        "tech2": "second table of facts in HTML",
        "fit": "size guide in HTML",
        "similar_item": "table of similar products in HTML",
        "average_rating": "mean stars as the producer gives it",
        "rating_number": "number of ratings as the producer gives it",
    },
}
"""The meaning of each canonical field, by dataset."""

Unit = Literal["seconds", "milliseconds", "seconds or milliseconds"]
Form = Literal["", "list", "ranks"]
Order = Literal["year month day", "month day year", "day month year"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One source of a canonical field: a constant, or a field of the record with conversions.

    The conversions apply in the order of the attributes.

    Attributes:
        field: the source field.
        constant: the value of every record.
        path: a JSON path into the value, such as `$.also_bought`.
        split: a text that separates the parts of the value.
        part: the part that is the value, from 0; without it the value is the list of all parts.
        pattern: a regular expression; its group gives the value of the texts that it matches.
        true: words that mean true, in any case.
        false: words that mean false, in any case.
        unit: the unit of a time that is a number since 1970, `seconds` by default.
        order: the order of day, month and year in dates of numbers only, `year month day` by
            default.
        form: `list` makes a list of one text; `ranks` is a JSON object of ranks by category.
    """

    field: str | None = None
    constant: str | None = None
    path: str | None = None
    split: str | None = None
    part: int | None = None
    pattern: str | None = None
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    unit: Unit = "seconds"
    order: Order = "year month day"
    form: Form = ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A source profile.

    Attributes:
        name: the name that is recorded with each record.
        dataset: reviews or products.
        description: the data in one line.
        requires: source fields that a file of the profile has; one of each group.
        fields: the sources of each canonical field that the profile has, the preferred one first.
        products: the same for product fields, if a review names its product too.
        charset: the encoding of its files, None to find it out.
        delimiter: the character between the columns of its files, None to find it out.
        quote: the quote character of its files, empty if quotes are text, None to find it out.
        columns: the names of the columns of files without a header.
        built_in: False for a profile that people added.
    """

    name: str
    dataset: str
    description: str = ""
    requires: tuple[tuple[str, ...], ...] = ()
    fields: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    products: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    charset: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    columns: tuple[str, ...] = ()
    built_in: bool = True

    @property
    def source_fields(self) -> tuple[str, ...]:
        """The source fields that the profile reads, each once."""
        sources = chain.from_iterable((*self.fields.values(), *self.products.values()))
        return tuple(dict.fromkeys(source.field for source in sources if source.field))

    @property
    def changes_reading(self) -> bool:
        """True if files are to be read as the profile says, and not as their content shows."""
        says = (self.charset, self.delimiter, self.quote) != (None, None, None)
        return not self.built_in and (says or bool(self.columns))

    def source_name(self, canonical: str) -> str:
        """Return the name of a canonical field as people find it in their file."""
        names = [s.field for s in self.fields.get(canonical, ()) if s.field]
        return " or ".join(dict.fromkeys(names)) or canonical

    def missing(self, present: Collection[str]) -> list[str]:
        """Return the required groups of source fields of which none is `present`."""
        return [
            " or ".join(group) for group in self.requires if not any(f in present for f in group)
        ]

    def to_json(self) -> str:
        """Return the declaration as JSON text, the same for equal profiles."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the profile that `to_json` gave this text for."""
        values: dict[str, Any] = json.loads(text)
        for name in ("fields", "products"):
            values[name] = {
                canonical: tuple(Source(**_with_tuples(source)) for source in sources)
                for canonical, sources in values[name].items()
            }
        values["requires"] = tuple(map(tuple, values["requires"]))
        return cls(**_with_tuples(values))


def identity_profile(name: str, dataset: str, fields: Iterable[str]) -> Profile:
    """Return a profile whose source fields are the canonical ones."""
    sources = {name: (Source(field=name),) for name in fields}
    return Profile(name=name, dataset=dataset, fields=sources)


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
