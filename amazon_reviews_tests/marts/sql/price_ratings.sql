WITH described AS (
    SELECT price_from(price) AS price_from, price_to(price) AS price_to,
        CASE WHEN price IS NOT NULL THEN price_imputed END AS price_imputed, count(*) AS products
    FROM products
    GROUP BY ALL
), reviewed AS (
    SELECT price_from(price) AS price_from, price_to(price) AS price_to,
        CASE WHEN price IS NOT NULL THEN price_imputed END AS price_imputed, count(*) AS reviews,
        count(overall) AS rated, avg(overall) AS mean_stars,
        count(*) FILTER (sentiment = 'positive') AS positive,
        count(*) FILTER (sentiment = 'neutral') AS neutral,
        count(*) FILTER (sentiment = 'negative') AS negative
    FROM reviews
    GROUP BY ALL
)
SELECT coalesce(d.price_from, r.price_from) AS price_from,
    coalesce(d.price_to, r.price_to) AS price_to,
    coalesce(d.price_imputed, r.price_imputed) AS price_imputed,
    coalesce(products, 0) AS products, coalesce(reviews, 0) AS reviews,
    coalesce(rated, 0) AS rated, mean_stars, coalesce(positive, 0) AS positive,
    coalesce(neutral, 0) AS neutral, coalesce(negative, 0) AS negative
FROM described d FULL JOIN reviewed r
    ON d.price_from IS NOT DISTINCT FROM r.price_from
    AND d.price_imputed IS NOT DISTINCT FROM r.price_imputed
