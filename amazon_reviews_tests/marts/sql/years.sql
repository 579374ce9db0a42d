SELECT year, count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    count_if(sentiment = 'positive') AS positive, count_if(sentiment = 'neutral') AS neutral,
    count_if(sentiment = 'negative') AS negative
FROM reviews
WHERE year IS NOT NULL
GROUP BY year
