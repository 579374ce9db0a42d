WITH months AS (
    SELECT year, month, count(*)::DOUBLE AS reviews
    FROM reviews
    WHERE year IS NOT NULL
    GROUP BY year, month
), years AS (
    SELECT year, sum(reviews) AS reviews
    FROM months
    GROUP BY year
    HAVING count(*) = 12 AND make_date(year, 1, 1) >= (SELECT min(reviewed_on) FROM reviews)
        AND make_date(year, 12, 31) <= (SELECT max(reviewed_on) FROM reviews)
), whole AS (
    SELECT count(*) AS whole_years, sum(reviews) AS reviews,
        sum(reviews) ** 2 / sum(reviews ** 2) AS effective
    FROM years
), indexes AS (
    SELECT month, 12 * sum(m.reviews) / any_value(w.reviews) AS seasonal_index
    FROM months AS m JOIN years USING (year), whole AS w
    GROUP BY month
), errors AS (
    SELECT month, any_value(seasonal_index) AS seasonal_index, any_value(effective) AS effective,
        12 / any_value(w.reviews) * sqrt(any_value(effective / (effective - 1))
            * sum((m.reviews - seasonal_index * y.reviews / 12) ** 2)) AS error
    FROM months AS m JOIN years AS y USING (year) JOIN indexes USING (month), whole AS w
    GROUP BY month
), intervals AS (
    SELECT month, seasonal_index,
        CASE WHEN effective >= 2 THEN greatest(0, seasonal_index - t_95(effective - 1) * error) END
            AS low,
        CASE WHEN effective >= 2 THEN seasonal_index + t_95(effective - 1) * error END AS high
    FROM errors
)
SELECT month, count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative,
    any_value(seasonal_index) AS seasonal_index, any_value(low) AS low, any_value(high) AS high,
    (SELECT whole_years FROM whole) AS whole_years
FROM reviews LEFT JOIN intervals USING (month)
WHERE year IS NOT NULL
GROUP BY month
