"""The facts of a product's detail table, wherever the page that was read kept them.

In order of trust: the field `details` (a JSON object), the entries of `feature` that hold HTML
(`<span class="a-text-bold">Shipping Weight: </span><span>1 pounds</span>`), and the tables of
`tech1` and `tech2`. Source system 2 read the first two; three of its columns from `feature`
were always null, here they are not.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.html import WHITE_SPACE, clean_text
from amazon_reviews.transforms.json_text import no_strings

LABELS = {
    "item_weight": "Item Weight",
    "shipping_weight": "Shipping Weight",
    "product_dimensions": "Product Dimensions",
    "package_dimensions": "Package Dimensions",
    "item_model_number": "Item model number",
    "batteries": "Batteries",
    "domestic_shipping": "Domestic Shipping",
    "international_shipping": "International Shipping",
}
DATE_LABEL = "Date first listed on Amazon"

_SCHEMA = ", ".join(f"`{label}` string" for label in (*LABELS.values(), DATE_LABEL))
_BLANK = rf"(?:\\[nrt]|{WHITE_SPACE})*"
_KEY = rf'"{_BLANK}([^"\\]*?){_BLANK}:?{_BLANK}"{_BLANK}:'
_LABEL = r"(?is)^\s*<[a-z][^<>]*>[^<:]*:\s*</"
_PAGE_PIECE = rf"{_LABEL}|<(?:a|script|style|div|table|form|input)[\s>]"
_LINK = r" ?(?:\((?:View shipping rates and policies\))?|Learn More)$"


def details_struct(details: Column) -> Column:
    """The JSON object `details` as a struct with a field for every label, null if empty."""
    tidy_keys = F.regexp_replace(details, _KEY, '"$1":')
    return F.when(details.contains(":"), F.from_json(tidy_keys, _SCHEMA))


def label_lines(entries: Column) -> Column:
    """The entries of `feature` that are a label and its value, cleaned, one a line."""
    labelled = F.filter(
        entries, lambda entry: entry.rlike(_LABEL) & ~entry.contains("Customer Review")
    )
    return F.array_join(F.transform(labelled, clean_text), "\n")


def plain_features(entries: Column) -> Column:
    """The entries of `feature` that describe the product, without HTML.

    Labels, links, scripts and layout are pieces of the page and no features; text in an
    element of its own is one.
    """
    features = F.filter(entries, lambda entry: ~entry.rlike(_PAGE_PIECE))
    return F.filter(F.transform(features, clean_text), lambda entry: entry != "")


def detail(label: str, details: Column, lines: Column, tables: Column) -> Column:
    """The value that stands beside `label` in the first place that has one, else null.

    `details` is what `details_struct` gives, `lines` what `label_lines` gives, and `tables`
    the HTML of `tech1` and `tech2`.
    """
    line = F.regexp_extract(lines, rf"(?m)^{label} ?: ?(.*)$", 1)
    row = rf"(?is)<th[^>]*>\s*{label}\s*</th>\s*<td[^>]*>(.*?)</td>"
    cell = F.regexp_extract(tables, row, 1)
    return F.coalesce(
        _value(clean_text(details[label])),
        F.when(lines.contains(label), _value(line)),
        F.when(tables.contains(label), _value(clean_text(cell))),
    )


def _value(text: Column) -> Column:
    """The value without the page's link at its end; null without a letter or digit."""
    value = F.regexp_replace(text, _LINK, "")
    return F.when(value.rlike(r"[\p{L}\p{N}]"), value)
