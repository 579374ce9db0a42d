SELECT year, month, count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative,
    make_date(year, month, 1) < (SELECT min(reviewed_on) FROM reviews)
        OR last_day(make_date(year, month, 1)) > (SELECT max(reviewed_on) FROM reviews) AS partial
FROM reviews
WHERE year IS NOT NULL
GROUP BY year, month
