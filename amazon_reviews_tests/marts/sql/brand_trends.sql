WITH dated AS (
    SELECT brand, year, year + (month - 0.5) / 12 AS x, overall::DOUBLE AS y
    FROM reviews
    WHERE brand <> 'Unknown' AND overall IS NOT NULL AND year IS NOT NULL
), lines AS (
    SELECT brand, min(year) AS first_year, max(year) AS last_year, count(*) AS rated,
        avg(x) AS mean_x, avg(y) AS mean_stars, regr_slope(y, x) AS slope
    FROM dated
    GROUP BY brand
    HAVING count(*) >= 30 AND count(DISTINCT year) >= 2
), errors AS (
    SELECT brand, any_value(COLUMNS(lines.* EXCLUDE (brand))),
        sqrt(sum((y - mean_stars - slope * (x - mean_x)) ** 2) / (count(*) - 2)
            / sum((x - mean_x) ** 2)) AS standard_error
    FROM lines JOIN dated USING (brand)
    GROUP BY brand
), tests AS (
    SELECT *, CASE WHEN standard_error > 0
        THEN two_sided(normal_of_t(slope / standard_error, rated - 2))
        ELSE (slope = 0)::DOUBLE END AS p_value
    FROM errors
), ranked AS (
    SELECT *, row_number() OVER (ORDER BY p_value DESC) AS place, count(*) OVER () AS brands
    FROM tests
), adjusted AS (
    SELECT *, min(least(1, p_value * brands / (brands + 1 - place))) OVER (ORDER BY place)
        AS q_value
    FROM ranked
)
SELECT brand, first_year, last_year, rated, mean_stars, slope, standard_error, p_value, q_value,
    slope - t_95(rated - 2) * standard_error AS low,
    slope + t_95(rated - 2) * standard_error AS high,
    CASE WHEN q_value >= 0.05 THEN 'flat' WHEN slope > 0 THEN 'rising' ELSE 'falling' END AS trend
FROM adjusted
