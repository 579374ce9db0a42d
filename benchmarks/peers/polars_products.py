"""Products in Polars."""

import polars as pl
import polars_hash as plh

from benchmarks.peers import rules
from benchmarks.peers.polars_lines import is_container, string_list, with_fields
from benchmarks.peers.polars_texts import clean, is_blank, tidy, unescape

_PRICE = pl.Decimal(12, 2)
_LONGEST_PRICE = 60


def typed(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return lines of bronze with their fields, and the reason where a line is rejected."""
    parsed = with_fields(lines, rules.PRODUCT_FIELDS)
    structure = [is_container(pl.col("irregular"), name) for name in rules.PRODUCT_TEXTS]
    reason = (
        pl.when(pl.col("encoding") != "utf-8")
        .then(pl.lit("not_utf8"))
        .when(~pl.col("is_json"))
        .then(pl.lit("not_json"))
        .when(~pl.col("is_object"))
        .then(pl.lit("not_an_object"))
        .when(is_blank(pl.col("asin")))
        .then(pl.lit("missing_field"))
        .when(pl.any_horizontal(*structure))
        .then(pl.lit("wrong_type"))
    )
    return parsed.with_columns(
        reason=reason,
        line_id=plh.col("raw").str.strip_chars().chash.sha2_256().str.head(32),
    )


def cleaned(rows: pl.LazyFrame, partition: str) -> pl.LazyFrame:
    """Return the rows of silver."""
    category, categories = pl.col("main_cat"), pl.col("categories")
    price = pl.when(pl.col("price").str.len_chars() <= _LONGEST_PRICE).then("price")
    low, high = (_amount(price.str.extract(rules.PRICE_RANGE, group)) for group in (1, 2))
    image = category.str.contains("<img", literal=True)
    label = pl.when(image).then(category.str.extract(rules.IMAGE_TEXT)).otherwise(category)
    plain = rows.with_columns(
        title=_or_unknown(clean(pl.col("title"))),
        brand=_or_unknown(clean(pl.col("brand").str.replace(rules.BY_LINE, ""))),
        label=tidy(unescape(label)),
        categories=_categories(string_list(pl.col("category"))),
        low=low,
        high=pl.coalesce(high, low),
    )
    return plain.select(
        pl.col("asin").str.strip_chars(),
        *("title", "brand"),
        pl.when(pl.col("label") != "")
        .then("label")
        .otherwise(categories.list.first())
        .alias("main_category"),
        categories.list.unique(maintain_order=True),
        price_min=pl.min_horizontal("low", "high"),
        price_max=pl.max_horizontal("low", "high"),
        price=((_cents("low") + _cents("high") + 1) // 2 / 100).round(2).cast(_PRICE),
        line_id="line_id",
        file="file",
        line="line",
        partition=pl.lit(partition),
    )


def _amount(text: pl.Expr) -> pl.Expr:
    number = text.str.replace_all(",", "", literal=True).cast(pl.Float64, strict=False)
    return _cent(number).cast(_PRICE, strict=False)


def _cent(number: pl.Expr) -> pl.Expr:
    return number.round(2, mode="half_away_from_zero")


def _cents(name: str) -> pl.Expr:
    return (pl.col(name).cast(pl.Float64) * 100).round().cast(pl.Int64)


def _or_unknown(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text).otherwise(pl.lit("Unknown"))


def _categories(path: pl.Expr) -> pl.Expr:
    name = pl.element()
    shown = name.filter(~name.str.contains(rules.CATEGORY_TAG) & (name != ""))
    return path.fill_null([]).list.eval(tidy(unescape(shown)))


def gold(silver: pl.LazyFrame, ranks: pl.LazyFrame) -> pl.LazyFrame:
    """Return the fullest row of each product, with the mean price where it has none."""
    fullness = pl.sum_horizontal(
        pl.col("title") != "Unknown",
        pl.col("brand") != "Unknown",
        pl.col("main_category").is_not_null(),
        pl.col("price").is_not_null(),
        pl.col("categories").list.len() > 0,
    )
    order = [fullness, pl.col("rank"), pl.col("file"), pl.col("line")]
    best = (
        silver.join(ranks, on="partition")
        .sort(*order, descending=[True, False, False, False])
        .unique("asin", keep="first", maintain_order=True)
    )
    price = pl.col("price").cast(pl.Float64)
    overall = _cent(price.mean())
    category = pl.when(pl.col("main_category").is_not_null()).then(
        _cent(price.mean().over("main_category"))
    )
    imputed = pl.coalesce(category, overall).cast(_PRICE)
    return best.drop("rank", "line_id").with_columns(
        price=pl.coalesce("price", imputed),
        price_imputed=pl.col("price").is_null() & imputed.is_not_null(),
    )
