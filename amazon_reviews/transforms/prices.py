"""Prices: from the texts of the pages to exact amounts in dollars."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms.html import WHITE_SPACE

MONEY = "decimal(12,2)"
_AMOUNT = (
    r"\$?([0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"
    r"|\.[0-9]+)"
)
_EXPONENT = r"^([0-9]+)\.?([0-9]*)[eE]([+-]?[0-9]+)\z"
_ZEROS = "0" * 99
_PRICE = rf"^{WHITE_SPACE}*{_AMOUNT}(?:{WHITE_SPACE}*[-–]{WHITE_SPACE}*{_AMOUNT})?{WHITE_SPACE}*\z"
_MOST_CHARACTERS = 60


def price_min(text: Column) -> Column:
    """Return the lowest price in dollars of `$12.99`, `$1,234.00` or `$a - $b`, else null."""
    low, high = _bounds(text)
    return F.least(low, high)


def price_max(text: Column) -> Column:
    """Return the highest price in dollars of `$12.99`, `$1,234.00` or `$a - $b`, else null."""
    low, high = _bounds(text)
    return F.greatest(low, high)


def midpoint(low: Column, high: Column) -> Column:
    """Return the mean of the two ends of a price range, rounded half up to cents."""
    return F.round((low + high) / F.lit(2), 2).cast(MONEY)


def _bounds(text: Column) -> tuple[Column, Column]:
    """Return both ends as written, equal for a single price; both null if one is unreadable."""
    readable = F.when((text != "") & (F.length(text) <= _MOST_CHARACTERS), text)
    first = _amount(F.regexp_extract(readable, _PRICE, 1))
    written = F.regexp_extract(readable, _PRICE, 2)
    second = F.when(written == "", first).otherwise(_amount(written))
    both = first.isNotNull() & second.isNotNull()
    return F.when(both, first), F.when(both, second)


def _amount(digits: Column) -> Column:
    plain = F.when(digits.rlike(_EXPONENT), _without_exponent(digits)).otherwise(digits)
    return F.replace(plain, F.lit(","), F.lit("")).try_cast(MONEY)


def _without_exponent(number: Column) -> Column:
    """Return `12.500` for `1.25e1`: one engine reads no exponents as decimals."""
    whole, fraction, exponent = (F.regexp_extract(number, _EXPONENT, group) for group in (1, 2, 3))
    digits = F.concat(F.lit(_ZEROS), whole, fraction, F.lit(_ZEROS))
    point = F.length(whole) + exponent.try_cast("int") + len(_ZEROS)
    amount = F.ltrim(F.substring(digits, F.lit(1), point), F.lit("0"))
    # The third digit decides how the cents are rounded.
    return F.concat(F.lit("0"), amount, F.lit("."), F.substring(digits, point + 1, F.lit(3)))


def impute_prices(products: DataFrame) -> DataFrame:
    """Fill missing prices and set `price_imputed`. Grain: as given, one row per asin is expected.

    A missing price becomes the mean price of the products in its main_category, or of all
    products where the category is unknown or has no price. Without any price it stays null, and
    `price_imputed` is false. Means are exact sums of cents over counts, rounded half up, so that
    they do not depend on the order of the rows. The Paisa Genious lakehouse averages over the rows
    of reviews, which weighs a product by its popularity.
    """
    price = F.col("price")
    names = products.columns
    if "price_imputed" in names:
        price = F.when(~F.col("price_imputed"), price)
    known = products.withColumn("price", price).drop("price_imputed")
    mean = F.coalesce("category_price", "overall_price")
    columns = {name: F.col(name) for name in names}
    columns["price"] = F.coalesce("price", mean)
    columns["price_imputed"] = F.col("price").isNull() & mean.isNotNull()
    # The small side first: the embedded engine builds its hash table from the left one.
    return (
        _mean_prices(known, "main_category")
        .withColumnRenamed("mean_price", "category_price")
        .join(known, on="main_category", how="right")
        .join(_mean_prices(known).withColumnRenamed("mean_price", "overall_price"), how="cross")
        .select(*(column.alias(name) for name, column in columns.items()))
    )


def _mean_prices(products: DataFrame, *keys: str) -> DataFrame:
    """Return one row per known `keys`, or a single row, with mean_price; null without any price.

    It is computed in whole cents, because engines divide decimals to different numbers of digits.
    """
    priced = products.where(F.col("price").isNotNull())
    for key in keys:
        priced = priced.where(F.col(key).isNotNull())
    cents = (F.sum("price") * 100).cast("bigint")
    sums = priced.groupBy(*keys).agg(cents.alias("cents"), F.count("price").alias("priced"))
    divisor = F.nullif(F.col("priced"), F.lit(0)) * 2
    rounded = F.col("cents") * 2 + F.col("priced")
    mean = (rounded - F.pmod(rounded, divisor)) / divisor / 100
    return sums.select(*keys, F.round(mean, 2).cast(MONEY).alias("mean_price"))
