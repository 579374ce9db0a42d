WITH pathed AS (
    SELECT asin, category_of(main_category) AS main_category, categories[2] AS secondary_category
    FROM products
    WHERE len(categories) >= 2
)
SELECT p.main_category, secondary_category, count(DISTINCT p.asin) AS products,
    count(r.asin) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    (10 * (SELECT avg(overall) FROM reviews) + coalesce(sum(overall), 0))
        / (10 + count(overall)) AS shrunk_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative
FROM pathed p LEFT JOIN product_reviews() r USING (asin)
GROUP BY p.main_category, secondary_category
