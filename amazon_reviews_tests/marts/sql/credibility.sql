WITH rated AS (
    SELECT category_of(main_category) AS main_category, verified, overall::DOUBLE AS stars
    FROM reviews
    WHERE overall IS NOT NULL AND verified IS NOT NULL
), samples AS (
    SELECT coalesce(main_category, 'All categories') AS main_category,
        count(*) FILTER (verified) AS n1, count(*) FILTER (NOT verified) AS n2,
        avg(stars) FILTER (verified) AS mean1, avg(stars) FILTER (NOT verified) AS mean2,
        var_samp(stars) FILTER (verified) / n1 AS error1,
        var_samp(stars) FILTER (NOT verified) / n2 AS error2, var_samp(stars) AS variance
    FROM rated
    GROUP BY GROUPING SETS (main_category, ())
    HAVING count(*) > 0
), tests AS (
    SELECT *, mean1 - mean2 AS difference, n1 >= 10 AND n2 >= 10 AS enough,
        main_category = 'All categories' AS single,
        (error1 + error2) ** 2 / (error1 ** 2 / (n1 - 1) + error2 ** 2 / (n2 - 1)) AS freedom,
        CASE WHEN variance > 0 THEN two_sided(greatest(0, abs(difference) - (1 / n1 + 1 / n2) / 2)
            / sqrt(variance * (1 / n1 + 1 / n2))) ELSE 1 END AS p_value
    FROM samples
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY single ORDER BY p_value DESC) AS place,
        count(*) OVER (PARTITION BY single) AS categories
    FROM tests
    WHERE enough
), compared AS (
    SELECT main_category,
        CASE WHEN error1 + error2 > 0 THEN t_95(freedom) * sqrt(error1 + error2) ELSE 0 END AS half,
        min(least(1, p_value * categories / (categories + 1 - place)))
            OVER (PARTITION BY single ORDER BY place) AS q_value
    FROM ranked
)
SELECT main_category, n1 AS verified_rated, n2 AS unverified_rated, mean1 AS verified_mean,
    mean2 AS unverified_mean, difference, difference - half AS low, difference + half AS high,
    q_value,
    q_value < 0.05 AND (difference - half > 0 OR difference + half < 0) AS significant
FROM tests LEFT JOIN compared USING (main_category)
