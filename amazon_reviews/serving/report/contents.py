"""Contents of the report on reviews: its findings, sections and panels, in their order."""

from datetime import date
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from amazon_reviews.resources.warehouse.base import Warehouse
from amazon_reviews.serving.charts import catalogue as catalogue_charts
from amazon_reviews.serving.charts import categories, over_time
from amazon_reviews.serving.charts import customers as customer_charts
from amazon_reviews.serving.charts import pipeline as pipeline_charts
from amazon_reviews.serving.charts import reviews as review_charts
from amazon_reviews.serving.findings import findings
from amazon_reviews.serving.queries import catalogue, customers, pipeline, reviews
from amazon_reviews.serving.queries.filters import Filters
from amazon_reviews.serving.queries.query import MOST_ROWS, query
from amazon_reviews.serving.report.layout import Panel, Report, Section
from amazon_reviews.serving.report.model_sections import RECOMMENDATIONS, TEXTS

_TITLES = 15
_BRANDS = 3
_ALL = (Filters(),)


@query(*catalogue.brand_trends.tables, *catalogue.brand_years.tables)
def _first_brands(warehouse: Warehouse) -> pa.Table:
    """Return the years of the brands that the dashboard compares first."""
    names = catalogue.brand_trends(warehouse)["brand"].to_pylist()
    return catalogue.brand_years(warehouse, tuple(names[:_BRANDS]))


@query(*pipeline.source_columns.tables)
def _columns_of(warehouse: Warehouse, table: str) -> pa.Table:
    rows = pipeline.source_columns(warehouse)
    return rows.filter(pc.equal(rows["table"], table))


@query(*pipeline.reconciliation.tables)
def _silver_reconciliation(warehouse: Warehouse) -> pa.Table:
    rows = pipeline.reconciliation(warehouse)
    return rows.filter(pc.equal(rows["layer"], "silver"))


_SECTIONS = (
    Section(
        "Stars and sentiment",
        (
            Panel(reviews.by_stars, review_charts.stars_by_verified, _ALL),
            Panel(reviews.summed, review_charts.sentiments, _ALL),
            Panel(reviews.by_length, review_charts.review_lengths, _ALL),
            Panel(reviews.by_length, review_charts.length_sentiments, _ALL),
            Panel(
                reviews.credibility,
                review_charts.credibility,
                _ALL,
                note=(
                    "A category differs if the 95 % interval does not contain 0 and its q-value is "
                    "below 0.05: the p-value adjusted for the number of categories."
                ),
            ),
            Panel(reviews.by_language, review_charts.reviews_per_origin),
            Panel(reviews.by_marketplace, review_charts.reviews_per_origin),
            Panel(
                customers.helpful_votes,
                customer_charts.helpful_votes,
                note=(
                    "A review without votes has no number of votes in the source; “missing counts "
                    "as one” counts one vote for each of those."
                ),
            ),
        ),
        tabs=("ratings/Credibility",),
    ),
    Section(
        "Over time",
        (
            Panel(reviews.by_year, over_time.reviews_per_year, _ALL),
            Panel(reviews.by_year, over_time.mean_per_year, _ALL),
            Panel(reviews.by_year, over_time.sentiment_per_year, _ALL),
            Panel(reviews.by_month, over_time.reviews_per_month, _ALL),
            Panel(reviews.by_month, over_time.mean_per_month, _ALL),
            Panel(
                reviews.seasons,
                over_time.seasonality,
                note=(
                    "The reviews of a month divided by those of a mean month, in the years that "
                    "the reviews cover as a whole. The orange lines are 95 % intervals, from the "
                    "differences between these years."
                ),
            ),
            Panel(reviews.by_year_month, over_time.reviews_over_time, _ALL),
            Panel(reviews.by_year_month, over_time.mean_over_time, _ALL),
        ),
        tabs=("ratings/Months",),
    ),
    Section(
        "Categories and prices",
        (
            Panel(reviews.by_category, categories.categories_by_reviews, _ALL),
            Panel(
                reviews.by_category,
                categories.categories_by_stars,
                _ALL,
                note=(
                    "The adjusted mean adds ten reviews with the mean of all reviews, so that few "
                    "reviews do not make an extreme."
                ),
            ),
            Panel(
                reviews.by_category,
                categories.categories_by_negative,
                _ALL,
                note="With 95 % intervals; ordered by their lower ends.",
            ),
            Panel(
                reviews.compared_categories,
                categories.categories_by_priority,
                _ALL,
                note=categories.EXCESS,
            ),
            Panel(catalogue.category_products, categories.products_per_category, _ALL),
            Panel(catalogue.secondary_categories, categories.secondary_categories, _ALL),
            Panel(reviews.by_price, review_charts.prices, _ALL),
            Panel(reviews.by_price, review_charts.price_ratings, _ALL),
        ),
        tabs=("categories/Reviews", "categories/Prices"),
    ),
    Section(
        "Brands and products",
        (
            Panel(
                catalogue.alerts,
                catalogue_charts.drops,
                (date.max, *_ALL),
                note=(
                    "Months of a product are compared with its earlier reviews by an exact test. "
                    "About 5 % of such drops may be chance."
                ),
            ),
            Panel(catalogue.brands, catalogue_charts.brands_by_products),
            Panel(
                catalogue.brand_trends,
                catalogue_charts.brand_slopes,
                (MOST_ROWS,),
                note=(
                    "By least squares over the reviews; brands with a trend first, then those "
                    "with most reviews. A brand is rising or falling if its q is below 0.05: the "
                    "p-value adjusted for the number of brands tested."
                ),
            ),
            Panel(
                _first_brands,
                catalogue_charts.brand_reputation,
                note="The first of these brands; adjusted means with their 95 % intervals.",
            ),
            Panel(
                catalogue.titles,
                partial(catalogue_charts.titles_by, sentiment="positive"),
                ("positive", _TITLES),
            ),
            Panel(
                catalogue.titles,
                partial(catalogue_charts.titles_by, sentiment="negative"),
                ("negative", _TITLES),
            ),
            Panel(catalogue.titles, catalogue_charts.title_images, ("reviews", _TITLES)),
            Panel(
                catalogue.coverage,
                catalogue_charts.product_coverage,
                _ALL,
                note="The source counts ratings without a text too, which are no reviews.",
            ),
        ),
        tabs=("brands/Alerts", "brands/Reputation", "product/"),
    ),
    TEXTS,
    RECOMMENDATIONS,
    Section(
        "Customers",
        (
            Panel(customers.summaries, customer_charts.summaries),
            Panel(
                customers.phrases,
                customer_charts.phrases,
                note=(
                    "For each summary, no. 1 is the customer who uses it most. The same number "
                    "under two summaries need not be the same customer."
                ),
            ),
            Panel(
                customers.reviewer_names,
                customer_charts.reviewer_names,
                note="Each name is that of at least five customers.",
            ),
        ),
    ),
    Section(
        "Data quality",
        (
            Panel(
                _silver_reconciliation,
                pipeline_charts.reconciliation,
                note=(
                    "Shares of the lines of each partition. It is balanced if lines = kept + "
                    "duplicates + rejected."
                ),
            ),
            Panel(pipeline.rejected, pipeline_charts.rejected),
            Panel(_columns_of, pipeline_charts.missing, ("reviews",)),
            Panel(_columns_of, pipeline_charts.missing, ("products",)),
            Panel(pipeline.freshness, pipeline_charts.freshness),
        ),
        tabs=("quality/Reconciliation", "quality/Rejected lines"),
    ),
)
REVIEWS_REPORT = Report(
    "Amazon reviews",
    "gold/reviews",
    reviews.totals,
    {
        "reviews": "Reviews",
        "mean_stars": "Mean stars",
        "customers": "Customers",
        "reviewed_products": "Products reviewed",
        "products": "Products",
        "brands": "Brands",
    },
    _SECTIONS,
    findings,
)
