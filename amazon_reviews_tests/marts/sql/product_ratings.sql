SELECT asin, any_value(title) AS title, any_value(brand) AS brand,
    any_value(main_category) AS main_category,
    any_value(price) FILTER (NOT price_imputed) AS price,
    any_value(price_imputed) AS price_imputed, count(*) AS reviews, count(overall) AS rated,
    avg(overall) AS mean_stars,
    (10 * (SELECT avg(overall) FROM reviews) + coalesce(sum(overall), 0))
        / (10 + count(overall)) AS shrunk_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative,
    count(*) FILTER (overall < 1.5) AS stars_1,
    count(*) FILTER (overall >= 1.5 AND overall < 2.5) AS stars_2,
    count(*) FILTER (overall >= 2.5 AND overall < 3.5) AS stars_3,
    count(*) FILTER (overall >= 3.5 AND overall < 4.5) AS stars_4,
    count(*) FILTER (overall >= 4.5) AS stars_5,
    min(reviewed_on) AS first_on, max(reviewed_on) AS last_on
FROM product_reviews()
GROUP BY asin
