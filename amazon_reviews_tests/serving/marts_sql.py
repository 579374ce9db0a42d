"""The marts of the synthetic warehouse as SQL over `reviews`, `products` and earlier marts."""

_RATINGS = """count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
  count(*) FILTER (overall > 3) AS positive, count(*) FILTER (overall = 3) AS neutral,
  count(*) FILTER (overall < 3) AS negative"""
_SHRUNK = f"""{_RATINGS}, (coalesce(sum(overall), 0) + 10 * (SELECT avg(overall) FROM reviews))
  / (count(overall) + 10) AS shrunk_stars"""
_SHARE = "count(*) / (SELECT count(*) FROM reviews) AS share"
_FILTERS = "year, month, main_category, overall AS stars, verified, source"
_LENGTH = """least(word_count // 50 * 50, 200)::INT AS length_from,
  CASE WHEN word_count < 200 THEN (word_count // 50 * 50 + 49)::INT END AS length_to"""
_PRICE = """least(price::INT // 25 * 25, 100)::INT AS price_from,
  CASE WHEN price < 100 THEN (price::INT // 25 * 25 + 25)::INT END AS price_to, price_imputed"""
_STARS_COLUMNS = ", ".join(
    f"count(*) FILTER (floor(overall + 0.5) = {n}) AS stars_{n}" for n in range(1, 6)
)
_PARTIAL = """make_date(year, {}, 1) < (SELECT min(reviewed_on) FROM reviews)
  OR last_day(make_date(year, {}, 1)) > (SELECT max(reviewed_on) FROM reviews) AS partial"""
_DAYS = "min(reviewed_on) AS first_on, max(reviewed_on) AS last_on"


def _by(columns: str, measures: str, where: str = "true") -> str:
    return f"SELECT {columns}, {measures} FROM reviews WHERE {where} GROUP BY ALL"


def _sentiment_by(columns: str) -> str:
    """Return a query of the predicted sentiments by some columns."""
    return f"""SELECT {columns}, count(*) AS reviews,
        count_if(predicted = 'negative') AS negative, count_if(predicted = 'neutral') AS neutral,
        count_if(predicted = 'positive') AS positive, avg(positive) AS mean_positive,
        count_if(predicted = 'negative') / count(*) AS negative_share,
        avg(expected_stars) AS expected_stars, avg(overall) AS mean_stars,
        count_if(predicted = 'negative' AND sentiment = 'positive') AS contradictions
        FROM sentiment_predictions GROUP BY ALL"""


MARTS = {
    "gold/review_counts": _by(_FILTERS, "count(*) AS reviews"),
    "gold/length_counts": _by(
        f"{_LENGTH}, {_FILTERS}",
        "count(*) AS reviews, sum(word_count) AS words, sum(char_count) AS characters, "
        "sum(char_count - word_count + 1) AS letters",
    ),
    "gold/price_counts": _by(f"{_PRICE}, {_FILTERS}", "count(*) AS reviews"),
    "gold/ratings": f"""SELECT *, reviews / sum(reviews) OVER (PARTITION BY verified)
        AS share_of_verified
        FROM ({_by("overall AS stars, verified", f"count(*) AS reviews, {_SHARE}")})""",
    "gold/sentiments": _by("sentiment", f"count(*) AS reviews, {_SHARE}"),
    "gold/years": _by("year", f"{_RATINGS}, {_PARTIAL.format('1', '12')}"),
    "gold/year_months": _by("year, month", f"{_RATINGS}, {_PARTIAL.format('month', 'month')}"),
    "gold/seasons": f"""SELECT *, seasonal_index - 0.2 AS low, seasonal_index + 0.2 AS high,
        5 AS whole_years
        FROM ({_by("month", f"{_RATINGS}, 12 * {_SHARE.replace('share', 'seasonal_index')}")})""",
    "gold/category_ratings": f"""SELECT *, negative / rated AS negative_share,
        negative - rated * sum(negative) OVER () / sum(rated) OVER () AS excess_negative,
        -9 AS excess_low, 9 AS excess_high, 0.5 AS q_value
        FROM ({_by("main_category", f"{_SHRUNK}, {_SHARE}")})""",
    "gold/category_products": """SELECT main_category, count(*) AS products,
        count(*) / 45 AS share, count(price_min) AS priced, min(price_min) AS price_min,
        max(price_max) AS price_max, avg(price_min) AS mean_price, avg(image_count) AS mean_images
        FROM products GROUP BY ALL""",
    "gold/secondary_categories": _by(
        "main_category, categories[2] AS secondary_category",
        f"count(DISTINCT asin) AS products, {_SHRUNK}",
    ),
    "gold/product_ratings": _by(
        "asin, title, brand, main_category, price_imputed, "
        "CASE WHEN NOT price_imputed THEN price END AS price",
        f"{_SHRUNK}, {_STARS_COLUMNS}, {_DAYS}",
    ),
    "gold/product_variants": _by(
        "variant AS asin, product_asin", _RATINGS, "variant <> product_asin"
    ),
    "gold/product_coverage": """SELECT asin, title, brand, main_category, rating_number,
        average_rating, coalesce(r.reviews, 0) AS reviews, r.mean_stars,
        coalesce(r.reviews, 0) / nullif(rating_number, 0) AS share_held,
        r.mean_stars - average_rating AS difference
        FROM products LEFT JOIN (SELECT asin, reviews, mean_stars FROM product_ratings) r
        USING (asin) WHERE rating_number IS NOT NULL""",
    "gold/review_origins": f"""SELECT *, negative / rated AS negative_share
        FROM ({
        _by(
            "profile, marketplace, language",
            f"{_RATINGS}, {_SHARE}, {_DAYS}, "
            "avg(verified::INT) AS verified_share, avg(vine::INT) AS vine_share",
        )
    })""",
    "gold/product_months": _by("partition, asin, year, month", _RATINGS, "year IS NOT NULL"),
    "gold/product_titles": _by(
        "title",
        f"count(DISTINCT asin) AS products, avg(asin[4:]::INT % 4) AS mean_images, {_SHRUNK}",
    ),
    "gold/brands": _by(
        "brand",
        "count(DISTINCT asin) AS products, min(price_min) AS price_min, "
        f"max(price_max) AS price_max, {_SHRUNK}",
    ),
    "gold/brand_years": _by("brand, year", _SHRUNK),
    "gold/helpful_votes": _by(
        "overall AS stars",
        "count(*) AS reviews, count(vote) AS voted, sum(vote) AS votes, avg(vote) AS mean_votes, "
        "avg(coalesce(vote, 1)) AS mean_votes_missing_as_one",
    ),
    "gold/freshness": _by(
        "source",
        f"count(*) AS reviews, {_SHARE}, count(reviewed_on) AS dated, {_DAYS}, "
        "CASE source WHEN 'stream' THEN TIMESTAMPTZ '2018-10-02 12:00:00+00' END "
        "AS newest_event_at",
    ),
    "gold/summaries": f"""SELECT (row_number() OVER (ORDER BY reviews DESC, summary))::INT AS place,
        * FROM ({_by("summary", f"count(*) AS reviews, {_SHARE}, avg(overall) AS mean_stars")})""",
    "gold/customer_phrases": f"""SELECT summary, reviewer_id, uses, (row_number() OVER
        (PARTITION BY summary ORDER BY uses DESC, reviewer_id))::INT AS place
        FROM ({_by("summary, reviewer_id", "count(*) AS uses")}) QUALIFY place <= 50""",
    "gold/reviewer_names": f"""SELECT (row_number() OVER (ORDER BY reviews DESC))::INT AS place, *
        FROM ({_by("reviewer_name", f"count(*) AS reviews, {_SHARE}")}
        HAVING count(DISTINCT reviewer_id) >= 5)""",
    "gold/totals": f"""SELECT {_RATINGS}, count(*) FILTER (reviews.verified) AS verified,
        count(DISTINCT reviewer_id) AS customers, count(DISTINCT asin) AS reviewed_products,
        (SELECT count(*) FROM products) AS products,
        (SELECT count(DISTINCT brand) FROM products) AS brands, {_DAYS} FROM reviews""",
    "gold/sentiment_predictions": """SELECT review_id, asin, product_asin, brand,
        main_category, overall, sentiment, reviewed_on, source, partition, 'abc' AS model_version,
        CASE WHEN hash(review_id) % 10 = 0 THEN 'negative' ELSE coalesce(sentiment, 'neutral') END
        AS predicted, coalesce(overall, 3) / 5.0 AS positive,
        coalesce(overall, 3) AS expected_stars, FALSE AS cross_fitted FROM reviews""",
    "gold/sentiment_categories": _sentiment_by("main_category"),
    "gold/sentiment_brands": _sentiment_by("brand"),
    "gold/sentiment_products": _sentiment_by("asin"),
    "gold/sentiment_years": _sentiment_by("year(reviewed_on)::INT AS year, source"),
}
