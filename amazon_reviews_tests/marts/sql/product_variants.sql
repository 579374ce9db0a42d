SELECT asin, product_asin, count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative
FROM reviews
WHERE asin <> product_asin
GROUP BY ALL
