"""Products: from parsed lines to typed, cleaned rows, and one row per asin."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from amazon_reviews.schemas.vocabulary import UNKNOWN
from amazon_reviews.transforms import prices
from amazon_reviews.transforms.control_characters import (
    array_without_control,
    map_without_control,
)
from amazon_reviews.transforms.dates import written_day
from amazon_reviews.transforms.html import clean_text
from amazon_reviews.transforms.json_text import first_string, present, string_array, string_list
from amazon_reviews.transforms.product_details import (
    DATE_LABEL,
    LABELS,
    fact,
    fact_entries,
    is_feature,
)
from amazon_reviews.transforms.strict_json import number

_LAST = 2**31 - 1
_RANK = r"^>?#?([0-9][0-9,]*) in ([^(]+)"
# Code of the page that was read as a title: a statement of its script
# (`var aPageStart = (new Date()).getTime();`), and the end of a tag (` Magazines" />`).
_SCRIPT = r"=[^;=]*\bgetTime\s*\(|\bgetTime\s*\(\s*\)[\s)]*;"
# A quote after a digit means inches, and a pair of quotes belongs to the text.
_END_OF_TAG = r"""^[^"]*[^"0-9¼½¾⅛-⅞″'\s]"\s*/>\s*\z|="[^"]*"\s*/>\s*\z"""
# The page writes it above the title. With a capital letter it begins a name, such as "By Terry".
_BYLINE = r"^by(?: |\z)"
_LISTS = ("categories", "features", "also_buy", "also_view")
_TEXTS = ("main_category", "description", "price_min", "sales_rank", "date_first_listed", *LABELS)


def clean_products(parsed: DataFrame, keep: Sequence[str] = ()) -> DataFrame:
    """Return typed products without HTML in the columns of silver/products and those to `keep`.

    `parsed` has a `record` of the canonical fields. Grain: as given.
    """
    return (
        _with_days(_clean_texts(parsed, keep))
        .select(
            *_columns(F.col("record")),
            map_without_control(F.col("rescued")).alias("rescued"),
            *("file", "line", "partition"),
            *keep,
        )
        .select(
            "asin",
            "title",
            "brand",
            "main_category",
            "categories",
            prices.midpoint(F.col("price_min"), F.col("price_max")).alias("price"),
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
            "average_rating",
            "rating_number",
            _completeness().alias("completeness"),
            "rescued",
            "file",
            "line",
            "partition",
            *keep,
        )
    )


def _with_days(cleaned: DataFrame) -> DataFrame:
    """Return `cleaned` with the days that `date` and the facts name; null for HTML or a brand."""
    # Columns of their own: the embedded engine would plan each use of such an expression again.
    return cleaned.select(
        "*",
        written_day(F.col("record")["date"]).alias("day_of_date"),
        written_day(fact(F.array_join("facts", "\n"), DATE_LABEL)).alias("day_of_facts"),
    )


def _clean_texts(parsed: DataFrame, keep: Sequence[str]) -> DataFrame:
    """Return `parsed` with its cleaned texts: one column per single text, one per list.

    They are cleaned as one array, because planning the cleaning costs the embedded engine more
    than the cleaning of many rows.
    """
    record = F.col("record")
    entries = F.col("feature_entries")
    tables = F.concat_ws("", record["tech1"], record["tech2"])
    lists = {
        "facts": fact_entries(record["details"], entries, tables),
        "category": F.filter(string_list(record["category"]), _is_category),
        "description": string_list(record["description"]),
        "feature": F.filter(entries, is_feature),
    }
    singles = _single_texts(record)
    rows = parsed.select("*", string_list(record["feature"]).alias("feature_entries"))
    rows = rows.select("*", *(column.alias(f"raw_{name}") for name, column in lists.items()))
    texts = F.concat(
        F.array(*(F.coalesce(text, F.lit("")) for text in singles.values())),
        *(F.col(f"raw_{name}") for name in lists),
    )
    rows = rows.select("*", F.transform(texts, clean_text).alias("texts"))
    columns = [F.get("texts", F.lit(i)).alias(name) for i, name in enumerate(singles)]
    start: Column = F.lit(len(singles) + 1)
    for name in lists:
        size = F.size(f"raw_{name}")
        columns.append(F.slice("texts", start, size).alias(name))
        start = start + size
    return rows.select("record", *columns, "rescued", "file", "line", "partition", *keep)


def _single_texts(record: Column) -> dict[str, Column]:
    """Return the single texts of a record to clean, without code and images."""
    title, brand, category = record["title"], record["brand"], record["main_cat"]
    code = title.rlike(_SCRIPT) | title.rlike(_END_OF_TAG)
    quoted = r"""\balt\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)')"""
    alternative = F.concat(*(F.regexp_extract(category, quoted, group) for group in (1, 2)))
    return {
        "title": F.when(~code, title),
        "brand": brand,
        "main_cat": F.when(category.contains("<img"), alternative).otherwise(category),
        "rank": first_string(record["rank"]),
    }


def average_rating(record: Column) -> Column:
    """Return the mean of all ratings as the source gives it; null if that is no number."""
    return number(record["average_rating"])


def rating_number(record: Column) -> Column:
    """Return the number of ratings as the source gives it; null if that is no whole number."""
    count = number(F.replace(record["rating_number"], F.lit(","), F.lit("")))
    return F.when(count == F.floor(count), count.try_cast("bigint"))


def _is_category(entry: Column) -> Column:
    return ~entry.rlike("</?[A-Za-z]")


def _columns(record: Column) -> list[Column]:
    facts = F.array_join("facts", "\n")
    return [
        F.trim(record["asin"]).alias("asin"),
        _known(F.col("title")).alias("title"),
        _known(F.regexp_replace("brand", _BYLINE, "")).alias("brand"),
        _main_category(record["main_cat"]).alias("main_category"),
        F.array_distinct(present(F.col("category"))).alias("categories"),
        prices.price_min(record["price"]).alias("price_min"),
        prices.price_max(record["price"]).alias("price_max"),
        _joined(present(F.col("description"))).alias("description"),
        present(F.col("feature")).alias("features"),
        _image_count(record).alias("image_count"),
        _sales_rank(F.col("rank")).alias("sales_rank"),
        _sales_rank_category(F.col("rank")).alias("sales_rank_category"),
        F.coalesce(_plausible(F.col("day_of_date")), _plausible(F.col("day_of_facts"))).alias(
            "date_first_listed"
        ),
        *(fact(facts, label).alias(name) for name, label in LABELS.items()),
        *(
            array_without_control(present(string_list(record[name]))).alias(name)
            for name in ("also_buy", "also_view")
        ),
        average_rating(record).alias("average_rating"),
        rating_number(record).alias("rating_number"),
    ]


def _known(text: Column) -> Column:
    return F.when(text != "", text).otherwise(UNKNOWN)


def _main_category(text: Column) -> Column:
    """Return the category, for an image its alternative text, else the first category."""
    name = F.when(text.contains("<img"), _title_case(F.col("main_cat"))).otherwise(
        F.col("main_cat")
    )
    return F.coalesce(F.when(name != "", name), F.get(present(F.col("category")), F.lit(0)))


def _title_case(text: Column) -> Column:
    """Capitalize every word; `initcap` differs between the engines in "Women's"."""
    words = F.transform(
        F.split(F.lower(text), " "),
        lambda word: F.concat(F.upper(F.substring(word, 1, 1)), F.substring(word, 2, 1000)),
    )
    return F.array_join(words, " ")


def _joined(texts: Column) -> Column:
    """Join the texts by ", "; null without any."""
    joined = F.array_join(texts, ", ")
    return F.when(joined != "", joined)


def _image_count(record: Column) -> Column:
    versions = ("image", "imageURL", "imageURLHighRes")
    counts = [F.coalesce(F.size(string_array(record[name])), F.lit(0)) for name in versions]
    return F.greatest(F.lit(0), *counts)


def _sales_rank(text: Column) -> Column:
    digits = F.regexp_extract(text, _RANK, 1)
    return F.replace(digits, F.lit(","), F.lit("")).try_cast("bigint")


def _sales_rank_category(text: Column) -> Column:
    category = F.trim(F.regexp_extract(text, _RANK, 2))
    return F.when(category != "", category)


def _plausible(day: Column) -> Column:
    return F.when(F.year(day).between(1900, 2099), day)


def _completeness() -> Column:
    """Count the fields that carry information."""
    informative = [F.col(name).isNotNull() for name in _TEXTS]
    informative += [F.size(name) > 0 for name in _LISTS]
    informative += [F.col(name) != UNKNOWN for name in ("title", "brand")]
    informative.append(F.col("image_count") > 0)
    total: Column = F.lit(0)
    for informs in informative:
        total = total + informs.cast("int")
    return total


def best_products(products: DataFrame, partition_ranks: DataFrame) -> DataFrame:
    """Return the best row of every asin over all partitions, in the columns of `products`.

    `partition_ranks` has one row per partition: partition, rank. The most complete row wins. Ties
    go to the lower rank, then to the first by partition, file and line. Only one number per row is
    compared; a join adds the wide rows. `products` is read several times, so it should be a table
    on disk and not a computation. Grain: one row per asin.
    """
    # The narrow side first: the embedded engine builds its hash table from the left one.
    numbered = _number_files(products, partition_ranks).join(
        products, on=["partition", "file"], how="inner"
    )
    keyed = numbered.select(*products.columns, _order().alias("order"))
    winners = (
        keyed.groupBy("asin", "order")
        .agg(F.count("*").alias("copies"))
        .groupBy("asin")
        .agg(F.min("order").alias("order"), F.min_by("copies", "order").alias("copies"))
    )
    best = winners.join(keyed, on=["asin", "order"], how="inner")
    # A line that was written twice has one origin, so the join returns it twice. Its rows are
    # identical, and any of them will do. A window over all rows would hold the wide table in
    # memory.
    once = best.where(F.col("copies") == 1)
    repeated = best.where(F.col("copies") > 1).dropDuplicates(["asin"])
    return once.unionByName(repeated).select(*products.columns)


def _number_files(products: DataFrame, partition_ranks: DataFrame) -> DataFrame:
    """Return one row per file: partition, file, and its position among all files."""
    files = products.select("partition", "file").distinct()
    ranked = files.join(partition_ranks.select("partition", "rank"), on="partition", how="left")
    place = F.struct(F.coalesce("rank", F.lit(_LAST)).alias("rank"), "partition", "file")
    return (
        ranked.agg(F.array_sort(F.collect_list(place)).alias("places"))
        .select(F.posexplode("places").alias("file_number", "place"))
        .select("place.partition", "place.file", "file_number")
    )


def _order() -> Column:
    """Return completeness (at most 31), file and line as one number: 5, 22 and 36 bits."""
    missing = (F.lit(31) - F.col("completeness")).cast("bigint")
    file_number = F.col("file_number").cast("bigint")
    return missing * F.lit(1 << 58) + file_number * F.lit(1 << 36) + F.col("line")
