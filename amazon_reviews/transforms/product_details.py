"""Facts of a product's detail table, from all fields that may hold them.

In order of trust: the field `details` (a JSON object), the entries of `feature` that hold a
label in HTML (`<span class="a-text-bold">Shipping Weight: </span><span>1 pounds</span>`), and
the HTML tables of `tech1` and `tech2`. The Inteligencia Colectiva warehouse reads the first two,
but three of its columns from `feature` are always null.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from amazon_reviews.transforms.json_text import no_strings
from amazon_reviews.transforms.strict_json import BLANKS, text_map

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

_ANY_LABEL = "|".join((*LABELS.values(), DATE_LABEL))
_LABEL_ENTRY = rf"^{BLANKS}*<[a-zA-Z][^<>]*>[^<:]*:{BLANKS}*</"
_PAGE_PIECE = rf"{_LABEL_ENTRY}|<(?i-u:a|script|style|div|table|form|input)[ \t\r\n\f>]"
_ROW = "(?s)<[tT][hH].*?</[tT][dD]>"
_LINK = r" ?\((?: ?View shipping rates and policies ?\))?| ?Learn More"


def fact_entries(details: Column, entries: Column, tables: Column) -> Column:
    """Return texts of a label, colons and a value, not yet cleaned, the most trusted first.

    `details` is a JSON object, `entries` an array of strings, `tables` HTML.
    """
    object_ = F.when(details.rlike(_ANY_LABEL), text_map(details))
    of_details = F.transform(
        F.map_entries(object_), lambda pair: F.concat(pair["key"], F.lit(": "), pair["value"])
    )
    with_colons = F.when(tables.contains("<th"), F.replace(tables, F.lit("</th>"), F.lit(": ")))
    of_tables = F.regexp_extract_all(with_colons, F.lit(_ROW), F.lit(0))
    return F.concat(_with_label(of_details), F.filter(entries, _is_label), _with_label(of_tables))


def _with_label(entries: Column) -> Column:
    return F.coalesce(F.filter(entries, lambda entry: entry.rlike(_ANY_LABEL)), no_strings())


def _is_label(entry: Column) -> Column:
    return (
        entry.contains("<")
        & entry.rlike(_LABEL_ENTRY)
        & entry.rlike(_ANY_LABEL)
        & ~entry.contains("<script")
    )


def is_feature(entry: Column) -> Column:
    """Return True if an entry of `feature` describes the product.

    Labels, links, scripts and layout are parts of the page. Text in a separate element is a
    feature.
    """
    return ~(entry.contains("<") & entry.rlike(_PAGE_PIECE))


def fact(facts: Column, label: str) -> Column:
    """Return the first value of `label` that has a letter or digit, else null.

    `facts` are the cleaned `fact_entries`, one per line. A link at the end is left out.
    """
    line = rf"(?m)^{label}(?: ?:)+ ([^\n]*?[0-9A-Za-z][^\n]*?)(?:{_LINK})?$"
    value = F.regexp_extract(facts, line, 1)
    return F.when(value != "", value)
