WITH titles AS (
    SELECT title, count(*) AS products, avg(image_count) AS mean_images
    FROM products
    GROUP BY title
)
SELECT title, any_value(products) AS products, any_value(mean_images) AS mean_images,
    count(r.asin) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    (10 * (SELECT avg(overall) FROM reviews) + coalesce(sum(overall), 0))
        / (10 + count(overall)) AS shrunk_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative
FROM titles JOIN (SELECT asin, title FROM products) USING (title)
    LEFT JOIN (SELECT asin, overall, sentiment FROM product_reviews()) r USING (asin)
GROUP BY title
