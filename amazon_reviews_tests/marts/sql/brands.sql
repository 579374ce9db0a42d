WITH brands AS (
    SELECT brand, count(*) AS products,
        min(price_min) FILTER (NOT coalesce(price_imputed, false)) AS price_min,
        max(price_max) FILTER (NOT coalesce(price_imputed, false)) AS price_max
    FROM products
    GROUP BY brand
)
SELECT brand, any_value(products) AS products, any_value(price_min) AS price_min,
    any_value(price_max) AS price_max, count(r.asin) AS reviews, count(overall) AS rated,
    avg(overall) AS mean_stars,
    (10 * (SELECT avg(overall) FROM reviews) + coalesce(sum(overall), 0))
        / (10 + count(overall)) AS shrunk_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative
FROM brands JOIN (SELECT asin, brand FROM products) USING (brand)
    LEFT JOIN (SELECT asin, overall, sentiment FROM product_reviews()) r USING (asin)
GROUP BY brand
