WITH rated AS (
    SELECT category_of(main_category) AS main_category, verified, overall::DOUBLE AS stars
    FROM reviews
    WHERE overall IS NOT NULL AND verified IS NOT NULL
), samples AS (
    SELECT coalesce(main_category, 'All categories') AS main_category,
        count(*) FILTER (verified) AS n1, count(*) FILTER (NOT verified) AS n2,
        avg(stars) FILTER (verified) AS mean1, avg(stars) FILTER (NOT verified) AS mean2,
        var_samp(stars) FILTER (verified) AS var1, var_samp(stars) FILTER (NOT verified) AS var2
    FROM rated
    GROUP BY GROUPING SETS (main_category, ())
    HAVING count(*) > 0
), intervals AS (
    SELECT *, mean1 - mean2 AS difference,
        CASE WHEN n1 >= 2 AND n2 >= 2
            THEN 1.959963984540054 * sqrt(var1 / n1 + var2 / n2) END AS half
    FROM samples
)
SELECT main_category, n1 AS verified_rated, n2 AS unverified_rated, mean1 AS verified_mean,
    mean2 AS unverified_mean, difference, difference - half AS low, difference + half AS high,
    difference - half > 0 OR difference + half < 0 AS significant
FROM intervals
