"""Products: from parsed lines to typed, cleaned rows, and one row per asin."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.transforms import prices
from amazon_reviews.transforms.html import WHITE_SPACE, clean_text, tidy
from amazon_reviews.transforms.json_text import first_string, no_strings, string_list
from amazon_reviews.transforms.product_details import (
    DATE_LABEL,
    LABELS,
    detail,
    details_struct,
    label_lines,
    plain_features,
)

FIELDS = (
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
)
_UNKNOWN = "Unknown"
_DATE = "[A-Z][a-z]+ [0-9]{1,2}, [0-9]{4}"
_RANK = r"^>?#?([0-9][0-9,]*) in ([^(]+)"
_LISTS = ("categories", "features", "also_buy", "also_view")
_TEXTS = ("main_category", "description", "price", "sales_rank", "date_first_listed", *LABELS)


def clean_products(parsed: DataFrame) -> DataFrame:
    """Products in the columns of silver/products, typed and without HTML.

    Grain: one row per row of `parsed`, which is what `parse_lines` gives for `FIELDS`.
    """
    typed = parsed.select("*", *_parts(F.col("record"))).select("*", *_second_parts())
    return typed.select(*_columns(F.col("record"))).select(
        "asin",
        "title",
        "brand",
        "main_category",
        "categories",
        "price",
        "price_min",
        "price_max",
        "description",
        "features",
        "image_count",
        "sales_rank",
        "sales_rank_category",
        "date_first_listed",
        *LABELS,
        "also_buy",
        "also_view",
        _completeness().alias("completeness"),
        "rescued",
        "file",
        "line",
        "partition",
    )


def _parts(record: Column) -> list[Column]:
    """What several columns are made of, so that it is read once."""
    return [
        string_list(record["category"]).alias("category_entries"),
        string_list(record["feature"]).alias("feature_entries"),
        details_struct(record["details"]).alias("details"),
        clean_text(first_string(record["rank"])).alias("rank_text"),
        F.concat_ws("", record["tech1"], record["tech2"]).alias("tables"),
        prices.price_min(record["price"]).alias("price_min"),
        prices.price_max(record["price"]).alias("price_max"),
    ]


def _second_parts() -> list[Column]:
    return [
        _categories(F.col("category_entries")).alias("categories"),
        label_lines(F.col("feature_entries")).alias("lines"),
    ]


def _columns(record: Column) -> list[Column]:
    sources = F.col("details"), F.col("lines"), F.col("tables")
    return [
        F.trim(record["asin"]).alias("asin"),
        _title(record["title"]).alias("title"),
        _brand(record["brand"]).alias("brand"),
        _main_category(record["main_cat"], F.col("categories")).alias("main_category"),
        "categories",
        prices.middle(F.col("price_min"), F.col("price_max")).alias("price"),
        "price_min",
        "price_max",
        _description(record["description"]).alias("description"),
        plain_features(F.col("feature_entries")).alias("features"),
        _image_count(record).alias("image_count"),
        _sales_rank(F.col("rank_text")).alias("sales_rank"),
        _sales_rank_category(F.col("rank_text")).alias("sales_rank_category"),
        F.coalesce(_date(record["date"]), _date(detail(DATE_LABEL, *sources))).alias(
            "date_first_listed"
        ),
        *(detail(label, *sources).alias(name) for name, label in LABELS.items()),
        string_list(record["also_buy"]).alias("also_buy"),
        string_list(record["also_view"]).alias("also_view"),
        "rescued",
        "file",
        "line",
        "partition",
    ]


def _title(text: Column) -> Column:
    """The title; where the page's own code was read instead of it, Unknown."""
    code = text.contains("getTime") | text.rlike(r'"\s*/>\s*$')
    return _known(F.when(~code, clean_text(text)))


def _brand(text: Column) -> Column:
    """The brand, also out of "by", a line break and the name."""
    byline = text.contains("by\n") | text.contains("by\r")
    name = F.regexp_replace(text, rf"^{WHITE_SPACE}*by[\r\n]", "")
    return _known(clean_text(F.when(byline, name).otherwise(text)))


def _known(text: Column) -> Column:
    return F.when(text != "", text).otherwise(_UNKNOWN)


def _categories(entries: Column) -> Column:
    names = F.filter(entries, lambda entry: ~entry.rlike("</?[A-Za-z]"))
    return F.array_distinct(F.filter(F.transform(names, clean_text), lambda name: name != ""))


def _main_category(text: Column, categories: Column) -> Column:
    """The category, of an image its alternative text in title case, else the first of all."""
    alternative = F.regexp_extract(text, r"""\balt\s*=\s*["']([^"'<>]*)""", 1)
    name = F.when(text.contains("<img"), _title_case(clean_text(alternative)))
    cleaned = name.otherwise(clean_text(text))
    return F.coalesce(F.when(cleaned != "", cleaned), F.get(categories, F.lit(0)))


def _title_case(text: Column) -> Column:
    """Every word with a capital; `initcap` differs between the engines in "Women's"."""
    words = F.transform(
        F.split(F.lower(text), " "),
        lambda word: F.concat(F.upper(F.substring(word, 1, 1)), F.substring(word, 2, 1000)),
    )
    return F.array_join(words, " ")


def _description(text: Column) -> Column:
    """The entries of the list, cleaned and joined by ", "; null if nothing remains."""
    entries = F.filter(F.transform(string_list(text), clean_text), lambda entry: entry != "")
    return F.when(F.size(entries) > 0, F.array_join(entries, ", "))


def _image_count(record: Column) -> Column:
    versions = ("image", "imageURL", "imageURLHighRes")
    counts = [F.coalesce(F.json_array_length(record[name]), F.lit(0)) for name in versions]
    return F.greatest(*counts)


def _sales_rank(text: Column) -> Column:
    digits = F.regexp_extract(text, _RANK, 1)
    return F.replace(digits, F.lit(","), F.lit("")).try_cast("bigint")


def _sales_rank_category(text: Column) -> Column:
    category = F.trim(F.regexp_extract(text, _RANK, 2))
    return F.when(category != "", category)


def _date(text: Column) -> Column:
    """The day of a text such as "May 26, 2011"; null for HTML, a brand or the like."""
    written = F.when(text.rlike(f"^{_DATE}$"), text)
    return F.try_to_timestamp(written, F.lit("MMMM d, yyyy")).cast("date")


def _completeness() -> Column:
    """How many fields carry information."""
    informative = [F.col(name).isNotNull() for name in _TEXTS]
    informative += [F.size(name) > 0 for name in _LISTS]
    informative += [F.col(name) != _UNKNOWN for name in ("title", "brand")]
    informative.append(F.col("image_count") > 0)
    total: Column = F.lit(0)
    for present in informative:
        total = total + present.cast("int")
    return total


def best_products(products: DataFrame, partition_ranks: DataFrame) -> DataFrame:
    """The best row of every asin over all partitions, in the columns of `products`.

    `partition_ranks` has one row per partition: partition, rank. Grain: one row per asin. The
    most complete row wins, ties go to the lower rank, then the first file, then the first
    line. Only the narrow key is compared; the wide rows meet it in a join. Rows that tie even
    there have the same place and are one line read twice.
    """
    order = ("missing", "rank", "partition", "file", "line")
    keys = products.select("asin", "completeness", "partition", "file", "line")
    winners = (
        partition_ranks.select("partition", "rank")
        .join(keys, on="partition", how="right")
        .select("asin", F.struct((-F.col("completeness")).alias("missing"), *order[1:]).alias("k"))
        .groupBy("asin")
        .agg(F.min("k").alias("k"))
        .select("asin", *(F.col(f"k.{name}").alias(name) for name in order[2:]))
    )
    return winners.join(products, on=["asin", "partition", "file", "line"], how="inner").select(
        *products.columns
    )
