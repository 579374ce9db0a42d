"""Fragments of shop pages that are part of the metadata."""

import random

UNCLOSED_TITLE = '<span class="a-size-medium a-color-secondary"'
PRICE_JUNK = (
    ".a-box-inner{background-color:#fff}#alohaBuyBoxWidget .selected{background-color:#fffbf3;"
    "border-color:#e77600;box-shadow:0 0 3px rgba(228,121,17,.5)}#alohaBuyBoxWidget "
    ".contract-not-available{color:gray}#aloha-cart-popover .aloha-cart{height:$8.50px}",
    "\n\n\n<script",
    '\n\t\t            \n\r\n\r\n    \r\n        \n    \n       <div class="a-row">',
)
DATE_BLOCK = (
    '<div class="a-fixed-left-grid a-spacing-none"><div class="a-fixed-left-grid-inner" '
    'style="padding-left:280px"><span class="a-declarative" data-reviews:filter-action:push-state='
    '"{&quot;scrollToSelector&quot;:&quot;#reviews-filter-info&quot;}"><table id="histogramTable" '
    'class="a-normal a-align-middle a-spacing-base" role="presentation"><tr class='
    '"a-histogram-row"><td class="aok-nowrap"><span aria-hidden="true" class="a-size-base">5 star'
    '</span><span class="a-offscreen">5 star (0%)</span><span class="a-letter-space"></span>'
)
TECH_TABLE = (
    ' class="a-keyvalue prodDetTable" role="presentation">\n         \n           <tr>\n'
    '                <th class="a-color-secondary a-size-base prodDetSectionEntry">\n'
    "                  Item Weight\n                </th>\n           \n"
    '            <td class="a-size-base">\n              {weight}\n            </td>\n'
    "           </tr>\n        "
)
SIMILAR_ITEMS = (
    ' class="a-bordered a-horizontal-stripes  a-spacing-extra-large a-size-base comparison_table">'
    '\n\n\n\n    <tr class="comparison_table_image_row">\n        <td>'
)
FIT_TABLE = ' class="a-normal a-align-center a-spacing-small">\n        \n        <tr>\n'
AVERAGE_REVIEW = (
    '<span class="a-text-bold">\n                    Average Customer Review:\n'
    '                </span>\n                \n\n\n<style type="text/css">\n'
    "    .noUnderline a:hover { \n        text-decoration: none; \n    }\n</style>\n"
)
DOMESTIC = (
    "Item can be shipped within U.S.",
    "Currently, item can be shipped only within the U.S. and to APO/FPO addresses.",
)
INTERNATIONAL = (
    "This item can be shipped to select countries outside of the U.S.",
    "This item is not eligible for international shipping.",
)
_LEARN_MORE = (
    "  <a href='/gp/help/customer/display.html?ie=UTF8&amp;nodeId=201117930' "
    "target='InternationalShippingDetails'>Learn More</a>"
)
_RATES = (
    " (<a href='https://www.amazon.com/gp/help/seller/shipping.html/ref=dp_pd_shipping?"
    "_encoding=UTF8&amp;seller=&amp;asin={asin}'>View shipping rates and policies</a>)"
)


def bold(label: str, value: str) -> str:
    """Return a label and its value as in the product details of a page."""
    return (
        f'<span class="a-text-bold">{label}:\n                    </span>\n'
        f"                    <span>{value}</span>"
    )


def feature_block(
    asin: str, listed: str, dimensions: str, weight: str, rng: random.Random
) -> list[str]:
    """Return the product details that some pages have at the end of their feature list."""
    block = [
        bold("Package Dimensions", dimensions),
        bold("Shipping Weight", weight + rng.choice(("", _RATES.format(asin=asin)))),
        bold("ASIN", asin),
        "",
        bold("Item model number", f"{rng.randrange(16**5):05X}"),
        bold("Date first listed on Amazon", listed),
        "",
        bold("Domestic Shipping", rng.choice(DOMESTIC)),
        bold("International Shipping", rng.choice(INTERNATIONAL) + _LEARN_MORE),
        AVERAGE_REVIEW,
    ]
    return [entry for entry in block if entry == "" or rng.random() < 0.85]
