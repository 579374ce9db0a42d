"""The tables of bronze, silver and gold of reviews and products."""

import pyarrow as pa

from amazon_reviews.schemas.table import (
    MONEY,
    STARS,
    STRINGS,
    TEXT_MAP,
    Column,
    Domain,
    Rule,
    Table,
)

_PARTITION = Column(
    "partition", pa.string(), "landing partition, or segment of the stream, it came from"
)
_FILE = Column("file", pa.string(), "name of the landing file within the partition")
_LINE = Column("line", pa.int64(), "line number within the file, from 1")
ORIGIN = (_FILE, _LINE, _PARTITION)
REVIEW_KEY = (
    Column("high", pa.int64(), "first half of a 128-bit hash of review_id"),
    Column("low", pa.int64(), "second half of that hash"),
)
_RAW = Column(
    "raw", pa.string(), "the source line, unchanged; base64 where it is not UTF-8", "text"
)
_ENCODING = Column("encoding", pa.string(), "how raw is written: utf-8 or base64")
RAW_LINE = (_RAW, _ENCODING)
# Also of products: the catalogue of 2023 names the users who uploaded videos.
_RESCUED = Column("rescued", TEXT_MAP, "source fields that the project does not know", "text")

_HEADER = Column("header", STRINGS, "names of the columns of a delimited file, in order")
_FORMAT = (
    Column("charset", pa.string(), "text encoding of the landing file"),
    Column("delimiter", pa.string(), "character between the columns of a delimited file"),
    Column("quote", pa.string(), "quote character of a delimited file; null if quotes are text"),
    _HEADER,
)
_PROFILE = Column("profile", pa.string(), "source profile of the landing file")
_MAPPING = Column("mapping", pa.string(), "declaration of a user-defined profile, as JSON")


def bronze_records(name: str, grain: str, *, group: str = "", domain: Domain = "reviews") -> Table:
    """Declare the bronze table of a dataset of landing files, by landing partition."""
    return Table(
        f"bronze/{name}",
        grain,
        (*RAW_LINE, *ORIGIN, *_FORMAT, _PROFILE, _MAPPING),
        ("partition",),
        details="The record is unchanged, so every other table can be rebuilt from it. A record "
        "that is neither a JSON line nor a record of a delimited file is the JSON object of its "
        "fields. Columns that a file does not need are null.",
        group=group,
        domain=domain,
        partitions=name,
    )


def column_profile(name: str, grain: str, *, domain: Domain = "reviews") -> Table:
    """Declare the table of the missing values of a dataset's columns, by landing partition."""
    return Table(
        f"silver/{name}_columns",
        grain,
        (
            _PARTITION,
            Column("column", pa.string(), "name of the column in the source"),
            Column("lines", pa.int64(), "lines that are JSON objects"),
            Column("missing", pa.int64(), "lines where the column is absent, null or empty"),
        ),
        ("partition",),
        details="It is written together with the rows of silver.",
        domain=domain,
        partitions=name,
    )


_REVIEW = (
    Column("review_id", pa.string(), "128-bit hash of reviewer, product, stars, text and summary"),
    Column("reviewer_id", pa.string(), "who wrote the review", "id"),
    Column("asin", pa.string(), "product the review is about"),
    Column("parent_asin", pa.string(), "family of variants that the product belongs to"),
    Column("overall", STARS, "stars from 1 to 5; null when the review is unrated"),
    Column("unrated", pa.bool_(), "the source has 0 stars"),
    Column("sentiment", pa.string(), "negative below 3 stars, neutral at 3, positive above"),
    Column(
        "review_text", pa.string(), "text without tags and entities; the summary if absent", "text"
    ),
)
_REVIEW_FACTS = (
    Column("summary", pa.string(), "headline of the review, cleaned like the text", "text"),
    Column("reviewer_name", pa.string(), "name the reviewer shows", "name"),
    Column("verified", pa.bool_(), "the purchase was verified"),
    Column("vote", pa.int32(), "helpful votes; null when none was given"),
    Column("helpful_total", pa.int32(), "helpful and unhelpful votes"),
    Column("style", TEXT_MAP, "variant bought, e.g. Size -> Large"),
    Column("image_count", pa.int32(), "pictures in the review"),
    Column("reviewed_on", pa.date32(), "day of the review in UTC; null where the source has none"),
    Column(
        "reviewed_at",
        pa.timestamp("us", "UTC"),
        "time of the review; 0:00 where the source has the day only",
    ),
    Column("language", pa.string(), "language of the review as the source names it"),
    Column("marketplace", pa.string(), "shop of a country as the source names it"),
    Column("vine", pa.bool_(), "the reviewer got the product for free from Amazon Vine"),
)
_LENGTHS = (
    Column("word_count", pa.int32(), "words in review_text"),
    Column("char_count", pa.int32(), "characters in review_text"),
)

_TITLE = Column("title", pa.string(), "name of the product; Unknown when the source has none")
_BRAND = Column("brand", pa.string(), "brand of the product; Unknown when the source has none")
_MAIN_CATEGORY = Column("main_category", pa.string(), "main category, else the first of the path")
_CATEGORIES = Column("categories", STRINGS, "category path, from broad to narrow")
_PRICE = Column("price", MONEY, "price in US dollars; the mean of a range")
_PRICE_RANGE = (
    Column("price_min", MONEY, "lower end of the price"),
    Column("price_max", MONEY, "upper end of the price"),
)
_IMPUTED = Column("price_imputed", pa.bool_(), "price is the mean of its category, or of all")
_PRODUCT_DETAILS = (
    Column("description", pa.string(), "description, paragraphs joined by commas"),
    Column("features", STRINGS, "bullet points of the product page"),
    Column("image_count", pa.int32(), "pictures of the product"),
    Column("sales_rank", pa.int64(), "rank by sales within sales_rank_category"),
    Column("sales_rank_category", pa.string(), "category that the sales rank refers to"),
    Column("date_first_listed", pa.date32(), "day the product was first listed"),
    Column("item_weight", pa.string(), "weight of the item as the source writes it"),
    Column("shipping_weight", pa.string(), "weight when shipped as the source writes it"),
    Column("product_dimensions", pa.string(), "dimensions of the product"),
    Column("package_dimensions", pa.string(), "dimensions of the package"),
    Column("item_model_number", pa.string(), "the maker's model number"),
    Column("batteries", pa.string(), "batteries needed"),
    Column("domestic_shipping", pa.string(), "where it ships within the country"),
    Column("international_shipping", pa.string(), "where it ships abroad"),
    Column("also_buy", STRINGS, "products bought with this one"),
    Column("also_view", STRINGS, "products viewed with this one"),
    Column("average_rating", pa.float64(), "mean of all ratings, as the source gives it"),
    Column("rating_number", pa.int64(), "number of all ratings, as the source gives it"),
    Column("completeness", pa.int32(), "number of fields that carry information"),
)
_PRODUCT = (
    Column("asin", pa.string(), "product number"),
    _TITLE,
    _BRAND,
    _MAIN_CATEGORY,
    _CATEGORIES,
    _PRICE,
    *_PRICE_RANGE,
)

_REJECTED = (
    Column("reason", pa.string(), "rejection reason; one of a closed list"),
    Column("detail", pa.string(), "the field and value that the reason is about", "text"),
    Column("table", pa.string(), "name of the silver table, such as reviews"),
    _PARTITION,
    _FILE,
    _LINE,
    Column("hub_partition", pa.string(), "Event Hub partition of a rejected event"),
    Column("sequence_number", pa.int64(), "sequence number of a rejected event"),
    Column("rejected_at", pa.timestamp("us", "UTC"), "when the line was rejected"),
)

BRONZE_REVIEWS = bronze_records("reviews", "One row per record of a landing file of reviews.")
BRONZE_PRODUCTS = bronze_records(
    "products", "One row per record of a landing file of products.", domain="products"
)
BRONZE_REVIEW_EVENTS = Table(
    "bronze/review_events",
    "One row per event of the Event Hub; of an event that is a batch, one per record.",
    (
        Column("body", pa.binary(), "bytes of the event or record, unchanged", "text"),
        Column("encoding", pa.string(), "utf-8, or base64 where the body is no UTF-8 text"),
        Column("hub", pa.string(), "namespace and name of the hub"),
        Column("hub_partition", pa.string(), "partition of the hub"),
        Column("sequence_number", pa.int64(), "the event's number within its hub partition"),
        Column("offset", pa.string(), "position of the event in its hub partition"),
        Column("enqueued_at", pa.timestamp("us", "UTC"), "when the hub received the event"),
        Column(
            "properties",
            TEXT_MAP,
            "properties by the sender; null from a batch's 2nd record on",
            "text",
        ),
        Column("record", pa.int32(), "number in the batch, from 1; null if the event is no batch"),
        Column("body_type", pa.string(), "data, value, sequence or none; amqp if not decoded"),
        Column("compression", pa.string(), "gzip where body came out of it"),
        Column("partition", pa.string(), "segment of the stream: stream, stream-000002, …"),
    ),
    ("partition",),
    details="The event is unchanged. Without AMAZON_REVIEWS_EVENT_HUB, only files of Event Hubs "
    "Capture add events.",
)
BRONZE_EVENT_GAPS = Table(
    "bronze/event_gaps",
    "One row per range of events that are missing: dropped by the hub, and not captured.",
    (
        Column("hub", pa.string(), "namespace and name of the hub"),
        Column("hub_partition", pa.string(), "partition of the hub"),
        Column("first", pa.int64(), "first sequence number that is missing"),
        Column("last", pa.int64(), "last sequence number that is missing"),
        Column("found_at", pa.timestamp("us", "UTC"), "when the gap was found"),
        Column("acknowledged_at", pa.timestamp("us", "UTC"), "when somebody accepted the loss"),
    ),
    details="A gap is recorded before the events after it are committed. Captured events close "
    "it. The job `acknowledge_event_gaps` accepts the loss.",
    inputs=("bronze/review_events",),
    domain="pipeline",
)
SILVER_REVIEWS = Table(
    "silver/reviews",
    "One row per distinct review of a landing partition.",
    (*_REVIEW, *_REVIEW_FACTS, *_LENGTHS, _PROFILE, _RESCUED, *ORIGIN),
    ("partition",),
    details="Of equal reviews the first by file and line is kept. Rejected lines go to "
    "silver/rejected with their reason, duplicates to silver/duplicates.",
    inputs=("bronze/reviews",),
    code_version="4",
    partitions="reviews",
)
SILVER_STREAMED_REVIEWS = Table(
    "silver/streamed_reviews",
    "One row per distinct review of the stream; file is hub/partition, with #record if the event "
    "is a batch, line the sequence number.",
    SILVER_REVIEWS.columns,
    SILVER_REVIEWS.partition_by,
    details="Built from the events that silver does not have yet, or from all with `rebuild`. "
    "Rejected events go to silver/rejected with their reason, duplicates to silver/duplicates.",
    inputs=("bronze/review_events",),
    code_version="4",
)
SILVER_PRODUCTS = Table(
    "silver/products",
    "One row per distinct product line of a landing partition.",
    (
        Column("line_id", pa.string(), "128-bit hash of the source line"),
        *_PRODUCT,
        *_PRODUCT_DETAILS,
        _PROFILE,
        _RESCUED,
        *ORIGIN,
    ),
    ("partition",),
    inputs=("bronze/products",),
    code_version="4",
    partitions="products",
    domain="products",
)
SILVER_REVIEW_PRODUCTS = Table(
    "silver/review_products",
    "One row per landing partition of reviews and distinct facts of a product that they name.",
    SILVER_PRODUCTS.columns,
    ("partition",),
    details="Empty unless the source profile has the facts of a product in each review.",
    inputs=("bronze/reviews",),
    code_version="2",
    partitions="reviews",
    optional=True,
    domain="products",
)
SILVER_REJECTED = Table(
    "silver/rejected",
    "One row per rejected line or event.",
    (*RAW_LINE, *_REJECTED),
    ("table", "partition"),
    details="The rows are written right after the silver partition that rejects them. "
    "`amazon-reviews rejected replay` rebuilds those partitions after a validation rule was fixed.",
    domain="pipeline",
)
SILVER_DUPLICATES = Table(
    "silver/duplicates",
    "One row per line that repeats another line's review or product within its partition.",
    (
        Column("id", pa.string(), "review_id or line_id of the kept row"),
        Column("table", pa.string(), "name of the silver table, such as reviews"),
        *ORIGIN,
    ),
    ("table", "partition"),
    domain="pipeline",
)
SILVER_REVIEWS_COLUMNS = column_profile(
    "reviews", "One row per landing partition and column of the source's reviews."
)
SILVER_PRODUCTS_COLUMNS = column_profile(
    "products",
    "One row per landing partition and column of the source's products.",
    domain="products",
)
GOLD_DUPLICATES = Table(
    "gold/duplicates",
    "One row per silver review or product whose kept row in gold has another partition.",
    (
        Column("id", pa.string(), "review_id or asin of the kept row"),
        Column("kept_in", pa.string(), "partition of the kept row"),
        Column("table", pa.string(), "reviews or products"),
        *ORIGIN,
    ),
    ("table", "partition"),
    domain="pipeline",
)
SILVER_REVIEW_KEYS = Table(
    "silver/review_keys",
    "One row per review in silver: the index by which gold finds the partitions that hold it.",
    (*REVIEW_KEY, _PARTITION),
    ("partition",),
    details="Written by the build of gold/reviews. Two reviews with the same key are the same.",
    domain="pipeline",
)
SCRATCH_LOST_REVIEWS = Table(
    "scratch/lost_reviews",
    "One row per review that a partition of gold/reviews leaves out in its next state.",
    (*REVIEW_KEY, Column("kept_in", pa.string(), "partition of the kept row"), _PARTITION),
    ("partition",),
    domain="pipeline",
)
GOLD_PRODUCTS = Table(
    "gold/products",
    "One row per asin over all landing partitions.",
    (*_PRODUCT, _IMPUTED, *_PRODUCT_DETAILS, _PROFILE, _RESCUED, *ORIGIN),
    details="The most complete of its rows is kept. A missing price is the mean of its main "
    "category, else of all products, and flagged.",
    inputs=("silver/products", "silver/review_products"),
    code_version="2",
    checks=("accounted",),
    unique_key=("asin",),
    rules=(
        Rule(
            "ranges",
            "prices not negative and in order",
            "COALESCE(price_min BETWEEN 0 AND price_max, TRUE) AND COALESCE(price, 0) >= 0",
        ),
    ),
    published=True,
    cluster_by=("main_category", "brand", "asin"),
    flat_view="products_flat",
    domain="products",
)
GOLD_REVIEWS = Table(
    "gold/reviews",
    "One row per review over batch and stream, joined with its product.",
    (
        *_REVIEW,
        Column("review_text_normalized", pa.string(), "text in lower case, words only", "text"),
        *_REVIEW_FACTS,
        Column("year", pa.int32(), "year of reviewed_on"),
        Column("month", pa.int32(), "month of reviewed_on, 1 to 12"),
        *_LENGTHS,
        Column("source", pa.string(), "batch or stream"),
        _PARTITION,
        _PROFILE,
        _RESCUED,
        Column(
            "product_asin",
            pa.string(),
            "asin of the product: parent_asin where gold/products has it, else asin; null in rows "
            "of earlier versions, whose product is asin",
        ),
        _TITLE,
        _BRAND,
        _MAIN_CATEGORY,
        _CATEGORIES,
        _PRICE,
        *_PRICE_RANGE,
        _IMPUTED,
    ),
    ("partition",),
    details="A review of several partitions is kept in the earliest in natural order, files before "
    "the stream. When that changes, the same run rebuilds the partitions that lose or regain a "
    "row. Of the stream only what changed is built again.",
    inputs=("silver/reviews", "silver/streamed_reviews", "gold/products"),
    partitions="gold_reviews",
    partition_inputs=(("stream", "silver/streamed_reviews"),),
    checks=("accounted",),
    unique_key=("review_id",),
    rules=(
        Rule(
            "ranges",
            "stars 1 to 5 or unrated, lengths and votes not negative",
            "COALESCE(overall BETWEEN 1 AND 5, unrated, FALSE) AND COALESCE(vote, 0) >= 0 "
            "AND COALESCE(word_count, 0) >= 0 AND COALESCE(image_count, 0) >= 0",
        ),
        Rule(
            "product_found",
            "at most 25 % of the reviews have no product",
            "title IS NOT NULL",
            tolerance=0.25,
        ),
    ),
    published=True,
    cluster_by=("main_category", "brand", "asin"),
    partition_day="reviewed_on",
    flat_view="reviews_flat",
)
