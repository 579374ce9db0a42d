WITH held AS (
    SELECT asin, count(*) AS reviews, avg(overall) AS mean_stars
    FROM product_reviews()
    GROUP BY asin
)
SELECT asin, title, brand, main_category, rating_number, coalesce(reviews, 0) AS reviews,
    coalesce(reviews, 0) / nullif(rating_number, 0) AS share_held, average_rating, mean_stars,
    mean_stars - average_rating AS difference
FROM products LEFT JOIN held USING (asin)
WHERE rating_number IS NOT NULL
