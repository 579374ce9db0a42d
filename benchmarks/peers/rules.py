"""The rules of the job that the peers share: fields, and patterns that RE2 and Rust both read."""

from html.entities import name2codepoint

COMMON_DIFFERENCES = (
    "products: asin, title, brand, main category, categories and price only, without details,"
    " features, ranks, dates and descriptions",
    "files are read without a check that they did not change meanwhile, written without a table"
    " log, a lock or a check of the written rows, and no run is recorded",
)

REVIEW_FIELDS = (
    "reviewerID asin overall reviewText summary reviewerName verified vote style image "
    "unixReviewTime reviewTime"
).split()
REVIEW_TEXTS = ("reviewerID", "asin", "reviewText", "summary", "reviewerName")
PRODUCT_FIELDS = "asin title brand main_cat category price".split()
PRODUCT_TEXTS = ("asin", "title", "brand")

_TAGS = (
    "a|abbr|acronym|address|area|article|aside|audio|b|base|basefont|bdi|bdo|big|blockquote|body|"
    "br|button|canvas|caption|center|cite|code|col|colgroup|data|datalist|dd|del|details|dfn|"
    "dialog|dir|div|dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|frame|frameset|"
    "h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|"
    "menu|meta|meter|nav|noframes|noscript|object|ol|optgroup|option|output|p|param|picture|pre|"
    "progress|q|s|samp|script|section|select|small|source|span|strike|strong|style|sub|summary|"
    "sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|time|title|tr|track|tt|u|ul|var|"
    "video|wbr"
)
UNSEEN = (
    r"(?is)<!--.*?(?:-->|\z)|<script(?:[\s/][^>]*)?>.*?(?:</script[^>]*>|\z)"
    r"|<style(?:[\s/][^>]*)?>.*?(?:</style[^>]*>|\z)"
)
TAG = (
    rf"(?is)</?(?:{_TAGS})(?:[\s/][^<>]*)?>|<[a-z][a-z0-9:-]*\s+[a-z][a-z0-9_:-]*\s*=[^<>]*>"
    rf"|<(?:{_TAGS})\s+[a-z][a-z0-9_:-]*\s*=[^<>]*\z|</(?:{_TAGS})\s*\z"
)
ESCAPED_AGAIN = "&(?:(?:amp|#0*38|#[xX]26);)+(#?[0-9A-Za-z]{1,8};)"
ENTITY = "&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,7});"
ENTITY_NAMES = {name: chr(code) for name, code in name2codepoint.items()} | {"apos": "'"}
UNTIDY = (
    r"[\s\pZ\p{Cc}]{2,}|[\x00-\x1f\x7f-\x9f\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}"
    r"\x{202f}\x{205f}\x{3000}]"
)
LINK = r"(?:https?://|www\.)\S+"
STYLE_PADDING = r':"\s*:\s*"\s*'
"""The colon that ends a key of a style, and the blanks that begin its value."""

_PRICE = r"\$?([0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
PRICE_RANGE = rf"^\s*{_PRICE}(?:\s*[-–]\s*{_PRICE})?\s*$"
CATEGORY_TAG = "</?[A-Za-z]"
IMAGE_TEXT = r"""\balt\s*=\s*["']([^"'<>]*)"""
BY_LINE = r"^\s*by[\r\n]"
"""The words before a brand."""

EARLIEST, LATEST = 788_918_400, 4_102_444_799
"""The first second of 1995 and the last of 2099."""
