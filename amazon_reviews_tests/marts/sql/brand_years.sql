SELECT brand, year, count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    (10 * (SELECT avg(overall) FROM reviews) + coalesce(sum(overall), 0))
        / (10 + count(overall)) AS shrunk_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative
FROM reviews
WHERE brand IS NOT NULL AND year IS NOT NULL
GROUP BY brand, year
