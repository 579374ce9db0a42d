WITH newest AS (SELECT max(reviewed_on) AS as_of FROM reviews), windows AS (
    SELECT asin, title, brand, main_category, as_of, overall::DOUBLE AS stars,
        reviewed_on > as_of - 90 AS recent
    FROM product_reviews(), newest
    WHERE reviewed_on > as_of - 455
), counts AS (
    SELECT asin, any_value(title) AS title, any_value(brand) AS brand,
        any_value(main_category) AS main_category, any_value(as_of) AS as_of,
        count(*) FILTER (recent) AS recent_reviews, count(*) FILTER (NOT recent) AS earlier_reviews,
        nullif(count(*) FILTER (NOT recent), 0) * 90 / 365 AS expected,
        avg(stars) FILTER (recent) AS recent_mean, avg(stars) FILTER (NOT recent) AS earlier_mean,
        count(stars) FILTER (recent) AS recent_rated,
        count(stars) FILTER (NOT recent) AS earlier_rated,
        var_samp(stars) FILTER (recent) AS recent_variance,
        var_samp(stars) FILTER (NOT recent) AS earlier_variance
    FROM windows
    GROUP BY asin
), figures AS (
    SELECT *, recent_reviews / expected AS velocity,
        (recent_reviews - expected) / sqrt(expected * (1 + 90 / 365)) AS velocity_z,
        earlier_mean - recent_mean AS rating_drop,
        rating_drop / nullif(sqrt(recent_variance / recent_rated
            + earlier_variance / earlier_rated), 0) AS rating_drop_z
    FROM counts
), alerts AS (
    SELECT *,
        coalesce(recent_reviews >= 10 AND velocity >= 2 AND velocity_z >= 3, false) AS surge,
        coalesce(recent_rated >= 5 AND earlier_rated >= 5 AND rating_drop >= 0.5
            AND rating_drop_z >= 1.96, false) AS dropped
    FROM figures
)
SELECT asin, title, brand, main_category, as_of, recent_reviews, earlier_reviews, velocity,
    velocity_z, recent_mean, earlier_mean, rating_drop, rating_drop_z, surge, dropped
FROM alerts
WHERE surge OR dropped
