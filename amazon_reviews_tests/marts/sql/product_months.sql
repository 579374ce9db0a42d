SELECT partition, asin, year, month, count(*) AS reviews, count(overall) AS rated,
    avg(overall) AS mean_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative
FROM product_reviews()
WHERE year IS NOT NULL
GROUP BY partition, asin, year, month
