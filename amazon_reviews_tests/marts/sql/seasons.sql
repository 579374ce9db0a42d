WITH months AS (
    SELECT year, month, count(*) AS reviews FROM reviews WHERE year IS NOT NULL GROUP BY year, month
), years AS (
    SELECT year, sum(reviews) / 12 AS mean_month FROM months GROUP BY year HAVING count(*) = 12
), indexes AS (
    SELECT month, avg(reviews / mean_month) AS seasonal_index
    FROM months JOIN years USING (year)
    GROUP BY month
)
SELECT month, count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative,
    any_value(seasonal_index) AS seasonal_index
FROM reviews LEFT JOIN indexes USING (month)
WHERE year IS NOT NULL
GROUP BY month
