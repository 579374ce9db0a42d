"""The facts of a product's detail table, wherever the page that was read kept them.

In order of trust: the field `details` (a JSON object), the entries of `feature` that hold a
label in HTML (`<span class="a-text-bold">Shipping Weight: </span><span>1 pounds</span>`), and
the HTML tables of `tech1` and `tech2`. Source system 2 read the first two; three of its columns
from `feature` were always null, here they are not.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

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

_WANTED = "|".join((*LABELS.values(), DATE_LABEL))
_LABEL_ENTRY = r"(?is)^\s*<[a-z][^<>]*>[^<:]*:\s*</"
_PAGE_PIECE = rf"{_LABEL_ENTRY}|<(?:a|script|style|div|table|form|input)[\s>]"
_ROW = "(?is)<th.*?</td>"
_LINK = r" ?\((?:View shipping rates and policies\))?| ?Learn More"


def fact_entries(details: Column, entries: Column, tables: Column) -> Column:
    """Texts of a label, colons and a value, still to be cleaned, the most trusted first.

    `details` is a JSON object, `entries` an array of strings, `tables` HTML.
    """
    pairs = F.map_entries(F.from_json(details, "map<string,string>"))
    of_details = F.transform(pairs, lambda pair: F.concat(pair["key"], F.lit(": "), pair["value"]))
    of_features = F.filter(entries, lambda entry: entry.rlike(_LABEL_ENTRY))
    with_colons = F.replace(tables, F.lit("</th>"), F.lit(": "))
    of_tables = F.regexp_extract_all(with_colons, F.lit(_ROW), F.lit(0))
    found = F.concat(
        F.coalesce(F.when(details != "{}", of_details), no_strings()),
        of_features,
        F.coalesce(of_tables, no_strings()),
    )
    return F.filter(found, lambda entry: entry.rlike(_WANTED) & ~entry.contains("<script"))


def is_feature(entry: Column) -> Column:
    """Whether an entry of `feature` describes the product.

    Labels, links, scripts and layout are pieces of the page; text in an element of its own is
    a feature.
    """
    return ~entry.rlike(_PAGE_PIECE)


def fact(facts: Column, label: str) -> Column:
    """The first value that stands beside `label`, null if none has a letter or digit.

    `facts` holds the cleaned `fact_entries`, one a line. A link at the end is left out.
    """
    line = rf"(?m)^{label}(?: ?:)+ ([^\n]*?[0-9A-Za-z][^\n]*?)(?:{_LINK})?$"
    value = F.regexp_extract(facts, line, 1)
    return F.when(value != "", value)
