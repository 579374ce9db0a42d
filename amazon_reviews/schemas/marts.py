"""The marts: tables that each answer questions of the analysis.

Unless a description says otherwise, means leave unrated reviews out, a sentiment is that of the
stars (below 3, 3, above 3), and a shrunk mean is drawn towards the mean of all reviews as if ten
more reviews had given that. The transform of a mart is the function of its name in
`transforms/marts`; it takes the frames of its inputs.
"""

from functools import partial

import pyarrow as pa

from amazon_reviews.schemas.table import MONEY, STARS, Column, Table

_COUNT = pa.int64()
_REAL = pa.float64()

_YEAR = Column("year", pa.int32(), "year of the review; null where the source has no date")
_MONTH = Column("month", pa.int32(), "month of the review, 1 to 12; null without a date")
_MAIN_CATEGORY = Column("main_category", pa.string(), "main category; Unknown without one")
_STARS = Column("stars", STARS, "stars from 1 to 5; null for unrated reviews")
_VERIFIED = Column("verified", pa.bool_(), "the purchase was verified")
_SOURCE = Column("source", pa.string(), "batch or stream")
_BRAND = Column("brand", pa.string(), "brand of the product")
_REVIEWS = Column("reviews", _COUNT, "reviews")
_SHARE = Column("share", _REAL, "part of all reviews, 0 to 1")
_PRODUCTS = Column("products", _COUNT, "products")
_FILTERS = (_YEAR, _MONTH, _MAIN_CATEGORY, _STARS, _VERIFIED, _SOURCE)
_LENGTH = (
    Column("length_from", pa.int32(), "shortest length of the band, in words"),
    Column("length_to", pa.int32(), "longest length of the band, in words; null without an end"),
)
_PRICE = (
    Column("price_from", pa.int32(), "lower end of the band in US dollars; null without a price"),
    Column("price_to", pa.int32(), "upper end of the band, exclusive; null without an end"),
    Column(
        "price_imputed",
        pa.bool_(),
        "the price is the mean of the category, or of all; null without a price",
    ),
)
_SENTIMENTS = (
    Column("positive", _COUNT, "reviews above 3 stars"),
    Column("neutral", _COUNT, "reviews of 3 stars"),
    Column("negative", _COUNT, "reviews below 3 stars"),
)
_RATED = Column("rated", _COUNT, "reviews with 1 to 5 stars")
_Q_VALUE = Column(
    "q_value", _REAL, "p-value adjusted for the number of rows tested (Benjamini-Hochberg)"
)
_MEAN = Column("mean_stars", _REAL, "mean of the stars; null without rated reviews")
_SHRUNK = Column("shrunk_stars", _REAL, "mean of the stars, drawn towards that of all reviews")
_RATINGS = (_REVIEWS, _RATED, _MEAN, *_SENTIMENTS)
_SHRUNK_RATINGS = (_REVIEWS, _RATED, _MEAN, _SHRUNK, *_SENTIMENTS)
_PRODUCT = (
    Column("asin", pa.string(), "product number"),
    Column("title", pa.string(), "name of the product; null without a product row"),
    Column("brand", pa.string(), "brand of the product; null without a product row"),
    Column("main_category", pa.string(), "main category of the product"),
)
_PRICE_RANGE = (
    Column("price_min", MONEY, "lowest listed price"),
    Column("price_max", MONEY, "highest listed price"),
)

_mart = partial(Table, group="marts", published=True, pace="quarter-hourly")

REVIEW_COUNTS = _mart(
    "gold/review_counts",
    "One row per year, month, main category, stars, verified and source.",
    (*_FILTERS, _REVIEWS),
    partials=("partials/cells",),
    inputs=("gold/reviews",),
    adds_up=True,
    cluster_by=("main_category",),
)
LENGTH_COUNTS = _mart(
    "gold/length_counts",
    "One row per length band, year, month, main category, stars, verified and source.",
    (
        *_LENGTH,
        *_FILTERS,
        _REVIEWS,
        Column("words", _COUNT, "words of all these reviews"),
        Column("characters", _COUNT, "characters of all these reviews"),
        Column("letters", _COUNT, "characters without the blanks between words"),
    ),
    code_version="2",
    partials=("partials/lengths",),
    inputs=("gold/reviews",),
    adds_up=True,
)
PRICE_COUNTS = _mart(
    "gold/price_counts",
    "One row per price band, year, month, main category, stars, verified and source.",
    (*_PRICE, *_FILTERS, _REVIEWS),
    code_version="3",
    partials=("partials/prices",),
    inputs=("gold/reviews",),
    adds_up=True,
)
RATINGS = _mart(
    "gold/ratings",
    "One row per stars and verified.",
    (
        _STARS,
        _VERIFIED,
        _REVIEWS,
        _SHARE,
        Column(
            "share_of_verified", _REAL, "share among the reviews with the same verified, 0 to 1"
        ),
    ),
    inputs=("gold/review_counts",),
    adds_up=True,
)
SENTIMENTS = _mart(
    "gold/sentiments",
    "One row per sentiment of the stars.",
    (
        Column("sentiment", pa.string(), "negative, neutral or positive; null for unrated"),
        _REVIEWS,
        _SHARE,
    ),
    inputs=("gold/review_counts",),
    adds_up=True,
)
YEARS = _mart(
    "gold/years",
    "One row per year.",
    (_YEAR, *_RATINGS, Column("partial", pa.bool_(), "the reviews begin or end within the year")),
    code_version="2",
    inputs=("gold/review_counts", "gold/freshness"),
)
YEAR_MONTHS = _mart(
    "gold/year_months",
    "One row per year and month.",
    (
        _YEAR,
        _MONTH,
        *_RATINGS,
        Column("partial", pa.bool_(), "the reviews begin or end within the month"),
    ),
    code_version="2",
    inputs=("gold/review_counts", "gold/freshness"),
)
SEASONS = _mart(
    "gold/seasons",
    "One row per month of the year, over all years.",
    (
        _MONTH,
        *_RATINGS,
        Column(
            "seasonal_index",
            _REAL,
            "reviews of the month over those of a mean month, in whole years: not partial, and "
            "with reviews in every month; null without such years",
        ),
        Column("low", _REAL, "lower end of the 95 % confidence interval of the index"),
        Column("high", _REAL, "upper end; both null for fewer than two whole years of equal size"),
        Column("whole_years", _COUNT, "years that the index is computed from"),
    ),
    code_version="2",
    inputs=("gold/review_counts", "gold/year_months"),
)
REVIEW_LENGTHS = _mart(
    "gold/review_lengths",
    "One row per length band and sentiment.",
    (
        *_LENGTH,
        Column("sentiment", pa.string(), "negative, neutral or positive; null for unrated"),
        _REVIEWS,
        _SHARE,
        Column("mean_words", _REAL, "words of a review"),
        Column("mean_characters", _REAL, "characters of a review"),
        Column("mean_word_length", _REAL, "characters of a word; null without words"),
    ),
    inputs=("gold/length_counts",),
    adds_up=True,
)
PRICE_RATINGS = _mart(
    "gold/price_ratings",
    "One row per price band, listed and imputed prices apart.",
    (*_PRICE, _PRODUCTS, *_RATINGS),
    code_version="2",
    inputs=(
        "gold/price_counts",
        "gold/products",
    ),
    adds_up=True,
)
CATEGORY_RATINGS = _mart(
    "gold/category_ratings",
    "One row per main category of the reviewed products.",
    (
        _MAIN_CATEGORY,
        *_SHRUNK_RATINGS,
        _SHARE,
        Column("negative_share", _REAL, "part of the rated reviews below 3 stars, 0 to 1"),
        Column(
            "excess_negative",
            _REAL,
            "negative reviews less those that the share of all reviews would give; null for "
            "Unknown and without another category",
        ),
        Column("excess_low", _REAL, "lower end of the 95 % confidence interval of the excess"),
        Column("excess_high", _REAL, "upper end of the 95 % confidence interval of the excess"),
        _Q_VALUE,
    ),
    code_version="2",
    inputs=("gold/review_counts",),
    adds_up=True,
)
CATEGORY_PRODUCTS = _mart(
    "gold/category_products",
    "One row per main category of the products.",
    (
        _MAIN_CATEGORY,
        _PRODUCTS,
        Column("share", _REAL, "part of all products, 0 to 1"),
        Column("priced", _COUNT, "products with a listed price"),
        *_PRICE_RANGE,
        Column("mean_price", _REAL, "mean of the listed prices"),
        Column("mean_images", _REAL, "pictures of a product"),
    ),
    inputs=("gold/products",),
    domain="products",
)
SECONDARY_CATEGORIES = _mart(
    "gold/secondary_categories",
    "One row per main category and second category of the path.",
    (
        _MAIN_CATEGORY,
        Column("secondary_category", pa.string(), "second category of the path"),
        _PRODUCTS,
        *_SHRUNK_RATINGS,
    ),
    inputs=(
        "gold/products",
        "gold/product_ratings",
        "gold/review_counts",
    ),
)
PRODUCT_RATINGS = _mart(
    "gold/product_ratings",
    "One row per reviewed product.",
    (
        *_PRODUCT,
        Column("price", MONEY, "listed price in US dollars; null without one"),
        Column("price_imputed", pa.bool_(), "gold/products has a mean in its place"),
        *_SHRUNK_RATINGS,
        *(
            Column(f"stars_{n}", _COUNT, f"reviews of {n} stars, halves rounded up")
            for n in range(1, 6)
        ),
        Column("first_on", pa.date32(), "day of the first review; null without dates"),
        Column("last_on", pa.date32(), "day of the newest review; null without dates"),
    ),
    code_version="2",
    sort_by="asin",
    partials=("partials/products",),
    inputs=(
        "gold/reviews",
        "gold/products",
        "gold/review_counts",
    ),
    adds_up=True,
    cluster_by=("main_category", "brand", "asin"),
)
PRODUCT_VARIANTS = _mart(
    "gold/product_variants",
    "One row per reviewed asin whose product has another one: that of its family.",
    (
        Column("asin", pa.string(), "asin of the reviews"),
        Column("product_asin", pa.string(), "asin of the product in all other marts"),
        *_RATINGS,
    ),
    sort_by="asin",
    partials=("partials/products",),
    inputs=("gold/reviews",),
)
PRODUCT_COVERAGE = _mart(
    "gold/product_coverage",
    "One row per product whose source gives its number of ratings.",
    (
        *_PRODUCT,
        Column("rating_number", _COUNT, "all ratings, as the source gives their number"),
        _REVIEWS,
        Column("share_held", _REAL, "reviews over rating_number; null for no rating"),
        Column("average_rating", _REAL, "mean of all ratings, as the source gives it"),
        _MEAN,
        Column("difference", _REAL, "mean_stars less average_rating"),
    ),
    inputs=("gold/products", "gold/product_ratings"),
)
PRODUCT_MONTHS = _mart(
    "gold/product_months",
    "One row per landing partition, product, year and month with reviews.",
    (
        Column("asin", pa.string(), "product number"),
        _YEAR,
        _MONTH,
        *_RATINGS,
        Column("partition", pa.string(), "landing partition, or segment of the stream"),
    ),
    ("partition",),
    details="The warehouse shows them added up: one row per product, year and month.",
    sort_by="asin",
    merged_by=("asin", "year", "month"),
    merged=(
        (_REVIEWS, "sum(reviews)"),
        (_RATED, "sum(rated)"),
        # A mean has more digits than its sum, so that the sum is found again exactly.
        (_MEAN, "sum(round(mean_stars * rated * 10)) / nullif(sum(rated) * 10, 0)"),
        *((column, f"sum({column.name})") for column in _SENTIMENTS),
    ),
    partials=("gold/product_months",),
    inputs=("gold/reviews",),
)
PRODUCT_TITLES = _mart(
    "gold/product_titles",
    "One row per title of a product.",
    (
        Column("title", pa.string(), "name of the product; Unknown when the source has none"),
        _PRODUCTS,
        Column("mean_images", _REAL, "pictures of a product with this title"),
        *_SHRUNK_RATINGS,
    ),
    inputs=(
        "gold/products",
        "gold/product_ratings",
        "gold/review_counts",
    ),
)
BRANDS = _mart(
    "gold/brands",
    "One row per brand.",
    (_BRAND, _PRODUCTS, *_PRICE_RANGE, *_SHRUNK_RATINGS),
    inputs=(
        "gold/products",
        "gold/product_ratings",
        "gold/review_counts",
    ),
)
BRAND_YEARS = _mart(
    "gold/brand_years",
    "One row per brand and year with reviews.",
    (_BRAND, _YEAR, *_SHRUNK_RATINGS),
    partials=("partials/brands",),
    inputs=(
        "gold/reviews",
        "gold/review_counts",
    ),
    cluster_by=("brand",),
)
BRAND_TRENDS = _mart(
    "gold/brand_trends",
    "One row per brand with 30 or more rated reviews in two or more years.",
    (
        _BRAND,
        Column("first_year", pa.int32(), "year of the first rated review"),
        Column("last_year", pa.int32(), "year of the newest rated review"),
        _RATED,
        _MEAN,
        Column("slope", _REAL, "change of the stars a year, by least squares over the reviews"),
        Column("low", _REAL, "lower end of the 95 % confidence interval of the slope"),
        Column("high", _REAL, "upper end of the 95 % confidence interval of the slope"),
        Column("standard_error", _REAL, "standard error of the slope"),
        Column("p_value", _REAL, "two-sided, of no trend, by the t distribution"),
        _Q_VALUE,
        Column("trend", pa.string(), "rising or falling where q_value is below 0.05, else flat"),
    ),
    code_version="2",
    partials=("partials/brands",),
    inputs=("gold/reviews",),
)
CREDIBILITY = _mart(
    "gold/credibility",
    "One row per main category, and one for all of them.",
    (
        Column("main_category", pa.string(), "main category; All categories for the whole"),
        Column("verified_rated", _COUNT, "rated reviews of verified purchases"),
        Column("unverified_rated", _COUNT, "rated reviews of other purchases"),
        Column("verified_mean", _REAL, "mean stars of verified purchases"),
        Column("unverified_mean", _REAL, "mean stars of other purchases"),
        Column("difference", _REAL, "verified_mean less unverified_mean"),
        Column("low", _REAL, "lower end of the 95 % confidence interval of the difference"),
        Column("high", _REAL, "upper end; both null for fewer than 10 rated reviews of a side"),
        _Q_VALUE,
        Column("significant", pa.bool_(), "q_value is below 0.05, and the interval leaves 0 out"),
    ),
    code_version="2",
    inputs=("gold/review_counts",),
)
PRODUCT_ALERTS = _mart(
    "gold/product_alerts",
    "One row per drop of the stars of a product, in all months up to the newest review.",
    (
        *_PRODUCT,
        Column("as_of", pa.date32(), "day of the newest review of all"),
        Column("begins_on", pa.date32(), "first day of the first significant month"),
        Column("ends_on", pa.date32(), "last day of its last month; null while it is going on"),
        Column("recovered", pa.bool_(), "later reviews are better again; else there are too few"),
        Column("before_rated", _COUNT, "rated reviews of the product before it"),
        Column("before_critical", _COUNT, "those of at most 3 stars"),
        Column("period_rated", _COUNT, "rated reviews from its first to its last month"),
        Column("period_critical", _COUNT, "those of at most 3 stars"),
        Column("before_mean", _REAL, "mean stars before it"),
        Column("period_mean", _REAL, "mean stars from its first to its last month"),
        Column("rating_drop", _REAL, "before_mean less period_mean"),
        Column("low", _REAL, "lower end of the 95 % confidence interval of the drop"),
        Column("high", _REAL, "upper end of the 95 % confidence interval of the drop"),
        Column("q_value", _REAL, "smallest rate of false discoveries that includes it"),
    ),
    code_version="2",
    inputs=("gold/product_months", "gold/product_ratings"),
)
HELPFUL_VOTES = _mart(
    "gold/helpful_votes",
    "One row per stars.",
    (
        _STARS,
        _REVIEWS,
        Column("voted", _COUNT, "reviews with at least one helpful vote"),
        Column("votes", _COUNT, "helpful votes"),
        Column("mean_votes", _REAL, "votes of a review that has some"),
        Column("mean_votes_missing_as_one", _REAL, "votes of a review, none counted as one"),
    ),
    partials=("partials/cells",),
    inputs=("gold/reviews",),
    adds_up=True,
)
REVIEW_ORIGINS = _mart(
    "gold/review_origins",
    "One row per source profile, marketplace and language.",
    (
        Column("profile", pa.string(), "source profile; null in rows of earlier versions"),
        Column("marketplace", pa.string(), "marketplace; null where the source has none"),
        Column("language", pa.string(), "language; null where the source has none"),
        *_RATINGS,
        _SHARE,
        Column("negative_share", _REAL, "part of the rated reviews below 3 stars, 0 to 1"),
        Column("verified_share", _REAL, "verified part of the reviews that state it; else null"),
        Column("vine_share", _REAL, "part from Vine of the reviews that state it; else null"),
        Column("first_on", pa.date32(), "day of the first review; null without dates"),
        Column("last_on", pa.date32(), "day of the newest review; null without dates"),
    ),
    partials=("partials/cells",),
    inputs=("gold/reviews",),
    adds_up=True,
)
FRESHNESS = _mart(
    "gold/freshness",
    "One row per source: batch and stream.",
    (
        _SOURCE,
        _REVIEWS,
        _SHARE,
        Column("dated", _COUNT, "reviews with a date"),
        Column("first_on", pa.date32(), "day of the first review"),
        Column("last_on", pa.date32(), "day of the newest review"),
        Column("newest_event_at", pa.timestamp("us", "UTC"), "when the hub got its newest event"),
    ),
    partials=("partials/cells",),
    inputs=(
        "gold/reviews",
        "bronze/review_events",
    ),
    adds_up=True,
)
SUMMARIES = _mart(
    "gold/summaries",
    "One row per summary, as it is written: the 1,000 most used.",
    (
        Column("place", pa.int32(), "rank by reviews, from 1"),
        Column("summary", pa.string(), "headline of the reviews", "text"),
        _REVIEWS,
        _SHARE,
        _MEAN,
    ),
    partials=("partials/summaries",),
    inputs=(
        "gold/reviews",
        "gold/review_counts",
    ),
)
CUSTOMER_PHRASES = _mart(
    "gold/customer_phrases",
    "One row per summary among the 20 most used and customer, the 50 who use it most.",
    (
        Column("summary", pa.string(), "headline of the reviews", "text"),
        Column("place", pa.int32(), "rank of the customer by uses of this summary, from 1"),
        Column("reviewer_id", pa.string(), "who wrote the reviews", "id"),
        Column("uses", _COUNT, "reviews of the customer with this summary"),
    ),
    partials=("partials/phrases",),
    inputs=(
        "gold/reviews",
        "gold/summaries",
    ),
)
REVIEWER_NAMES = _mart(
    "gold/reviewer_names",
    "One row per name that five or more reviewers show: the 1,000 with most reviews.",
    (
        Column("place", pa.int32(), "rank by reviews, from 1"),
        Column("reviewer_name", pa.string(), "name that the reviewers show", "name"),
        _REVIEWS,
        _SHARE,
    ),
    details="A name of fewer reviewers could reveal one of them.",
    code_version="2",
    partials=("partials/reviewers",),
    inputs=(
        "gold/reviews",
        "gold/review_counts",
    ),
)
TOTALS = _mart(
    "gold/totals",
    "One row.",
    (
        *_RATINGS,
        Column("verified", _COUNT, "reviews of verified purchases"),
        Column("customers", _COUNT, "distinct reviewers"),
        Column("reviewed_products", _COUNT, "distinct products with reviews"),
        Column("products", _COUNT, "products"),
        Column("brands", _COUNT, "distinct brands of products"),
        Column("first_on", pa.date32(), "day of the first review"),
        Column("last_on", pa.date32(), "day of the newest review"),
    ),
    partials=("partials/reviewers",),
    inputs=(
        "gold/reviews",
        "gold/products",
        "gold/product_ratings",
        "gold/review_counts",
    ),
)
SOURCE_COLUMNS = _mart(
    "gold/source_columns",
    "One row per column of the landing files of reviews and products.",
    (
        Column("table", pa.string(), "reviews or products"),
        Column("column", pa.string(), "name of the column in the source"),
        Column("lines", _COUNT, "lines that are JSON objects"),
        Column("missing", _COUNT, "lines where it is absent, null or empty"),
        Column("missing_share", _REAL, "part of the lines where it is missing, 0 to 1"),
        Column("mostly_missing", pa.bool_(), "missing in more than 70 % of the lines"),
    ),
    inputs=(
        "silver/reviews",
        "silver/products",
    ),
    domain="pipeline",
)
PIPELINE_RECONCILIATION = _mart(
    "gold/pipeline_reconciliation",
    "One row per layer, table and partition: lines = kept + duplicates + rejected.",
    (
        Column("layer", pa.string(), "bronze, silver or gold"),
        Column("table", pa.string(), "name of the table"),
        Column("partition", pa.string(), "landing partition, or stream"),
        Column("lines", _COUNT, "lines or rows that came in"),
        Column("kept", _COUNT, "rows in the table"),
        Column("duplicates", _COUNT, "rows that repeat another"),
        Column("rejected", _COUNT, "rejected lines"),
        Column("balanced", pa.bool_(), "lines = kept + duplicates + rejected"),
    ),
    inputs=(
        "gold/reviews",
        "gold/products",
        "gold/titles",
        "silver/rejected",
    ),
    domain="pipeline",
)
PIPELINE_REJECTED = _mart(
    "gold/pipeline_rejected",
    "One row per table, partition and reason.",
    (
        Column("table", pa.string(), "reviews, products or streamed_reviews"),
        Column("partition", pa.string(), "landing partition, or segment of the stream"),
        Column("reason", pa.string(), "rejection reason"),
        Column("lines", _COUNT, "rejected lines"),
    ),
    inputs=("silver/rejected",),
    domain="pipeline",
)
PIPELINE_STREAM = _mart(
    "gold/pipeline_stream",
    "One row per partition of the event hub.",
    (
        Column("hub", pa.string(), "namespace and name of the hub"),
        Column("hub_partition", pa.string(), "partition of the hub"),
        Column("events", _COUNT, "events in bronze"),
        Column("last_sequence_number", _COUNT, "number of the newest event"),
        Column("newest_event_at", pa.timestamp("us", "UTC"), "when the hub got the newest event"),
        Column("lost", _COUNT, "events that the hub dropped before they were read"),
        Column("lag_events", _COUNT, "events that waited in the hub; null if it could not be read"),
        Column("lag_seconds", _REAL, "how long the oldest of them had waited"),
        Column("looked_at", pa.timestamp("us", "UTC"), "when the lag was measured"),
    ),
    inputs=(
        "bronze/review_events",
        "bronze/event_gaps",
    ),
    domain="pipeline",
)
PIPELINE_RUNS = _mart(
    "gold/pipeline_runs",
    "One row per run: the newest 100 at the time of the build.",
    (
        Column("run_id", pa.string(), "id of the run in Dagster"),
        Column("job", pa.string(), "job of the run"),
        Column("assets", pa.string(), "assets that the run makes"),
        Column("status", pa.string(), "status in Dagster, e.g. SUCCESS or FAILURE"),
        Column("started_at", pa.timestamp("us", "UTC"), "start of the run"),
        Column("ended_at", pa.timestamp("us", "UTC"), "end of the run; null while it runs"),
        Column("seconds", _REAL, "from start to end"),
    ),
    inputs=(
        "gold/reviews",
        "gold/products",
    ),
    domain="pipeline",
)

PIPELINE_MARTS = (
    SOURCE_COLUMNS,
    PIPELINE_RECONCILIATION,
    PIPELINE_REJECTED,
    PIPELINE_STREAM,
    PIPELINE_RUNS,
)
"""The marts about the pipeline itself, which no transform builds."""
