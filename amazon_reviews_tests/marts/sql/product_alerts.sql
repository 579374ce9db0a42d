WITH months AS (
    SELECT asin, make_date(year, month, 1) AS month, count(*) AS n, sum(overall::DOUBLE) AS stars,
        count(*) FILTER (overall <= 3) AS critical
    FROM product_reviews()
    WHERE overall IS NOT NULL AND year IS NOT NULL
    GROUP BY ALL
), compared AS (
    SELECT m.asin, m.month, any_value(m.n) AS n, any_value(m.stars) AS stars,
        any_value(m.critical) AS critical, sum(e.n) AS earlier_n, sum(e.stars) AS earlier_stars,
        sum(e.critical) AS earlier_critical
    FROM months AS m JOIN months AS e ON e.asin = m.asin AND e.month < m.month
    GROUP BY m.asin, m.month
    HAVING any_value(m.n) >= 5 AND sum(e.n) >= 10
), chances AS (
    -- One review more or less among the critical ones of the month: log of the hypergeometric mass.
    SELECT *, earlier_stars / earlier_n - stars / n AS lower,
        (earlier_stars + 6) / (earlier_n + 2) AS smooth_earlier, (stars + 6) / (n + 2) AS smooth,
        smooth_earlier - smooth - 1.959963984540054 * sqrt(
            (5 - smooth_earlier) * (smooth_earlier - 1) / (earlier_n + 2)
            + (5 - smooth) * (smooth - 1) / (n + 2)) AS low,
        [lgamma(critical + earlier_critical + 1) - lgamma(k + 1)
            - lgamma(critical + earlier_critical - k + 1)
            + lgamma(n + earlier_n - critical - earlier_critical + 1) - lgamma(n - k + 1)
            - lgamma(earlier_n - critical - earlier_critical + k + 1)
            - lgamma(n + earlier_n + 1) + lgamma(n + 1) + lgamma(earlier_n + 1)
            FOR k IN [critical, critical + 1]
            IF k <= n AND k <= critical + earlier_critical] AS logs
    FROM compared
), tests AS (
    SELECT *, CASE
        WHEN lower < 0.5 OR low <= 0 OR len(logs) = 2 AND logs[2] >= logs[1] THEN 1
        WHEN len(logs) = 2 THEN least(1, exp(logs[1]) / (1 - exp(logs[2] - logs[1])))
        ELSE exp(logs[1]) END AS p
    FROM chances
), ranked AS (
    SELECT *, p * count(*) OVER () / row_number() OVER (ORDER BY p, asin, month) AS scaled
    FROM tests
), significant AS (
    SELECT r.asin, r.month, r.n, r.stars, r.earlier_n, r.earlier_stars,
        (SELECT min(s.scaled) FROM ranked AS s
            WHERE (s.p, s.asin, s.month) >= (r.p, r.asin, r.month)) AS q
    FROM ranked AS r
    WHERE q <= 0.05
), followed AS (
    SELECT *, lead(month) OVER (PARTITION BY asin ORDER BY month) AS following FROM significant
), spells AS (
    SELECT f.asin, f.month AS begin, f.q, m.month, m.n, m.stars, m.critical,
        (f.stars / f.n + f.earlier_stars / f.earlier_n) / 2 AS middle
    FROM followed AS f JOIN months AS m ON m.asin = f.asin AND m.month >= f.month
        AND m.month < coalesce(f.following, DATE '9999-01-01')
), turns AS (
    SELECT asin, begin, middle, q, min(month) FILTER (stars / n >= middle) AS turn
    FROM spells
    GROUP BY ALL
), recoveries AS (
    SELECT t.*, (SELECT sum(s.n) >= 10 AND sum(s.stars) / sum(s.n) >= t.middle
        FROM spells AS s
        WHERE s.asin = t.asin AND s.begin = t.begin AND s.month >= t.turn) IS TRUE AS recovered
    FROM turns AS t
), drops AS (
    SELECT asin, min(begin) AS first_month, min(q) AS q_value,
        max(turn) FILTER (recovered) AS recovery
    FROM (
        SELECT *, count(*) FILTER (recovered) OVER (PARTITION BY asin ORDER BY begin
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS number
        FROM recoveries
    )
    GROUP BY asin, number
), periods AS (
    SELECT d.*, max(m.month) AS last_month,
        sum(m.n) FILTER (m.month < first_month) AS before_rated,
        sum(m.critical) FILTER (m.month < first_month) AS before_critical,
        sum(m.stars) FILTER (m.month < first_month) AS before_stars,
        sum(m.n) FILTER (m.month >= first_month) AS period_rated,
        sum(m.critical) FILTER (m.month >= first_month) AS period_critical,
        sum(m.stars) FILTER (m.month >= first_month) AS period_stars
    FROM drops AS d JOIN months AS m
        ON m.asin = d.asin AND m.month < coalesce(d.recovery, DATE '9999-01-01')
    GROUP BY ALL
), smoothed AS (
    SELECT *, before_stars / before_rated AS before_mean, period_stars / period_rated AS period_mean,
        (before_stars + 6) / (before_rated + 2) AS before,
        (period_stars + 6) / (period_rated + 2) AS period,
        1.959963984540054 * sqrt((5 - before) * (before - 1) / (before_rated + 2)
            + (5 - period) * (period - 1) / (period_rated + 2)) AS error
    FROM periods
), described AS (
    SELECT asin, max(reviewed_on) AS last_on, any_value(p.title) AS title,
        any_value(p.brand) AS brand, any_value(p.main_category) AS main_category
    FROM product_reviews() LEFT JOIN (SELECT asin, title, brand, main_category FROM products) AS p
        USING (asin)
    GROUP BY asin
)
SELECT asin, title, brand, main_category, as_of, first_month AS begins_on,
    CASE WHEN recovery IS NOT NULL OR as_of - last_on > 90 THEN last_day(last_month) END AS ends_on,
    recovery IS NOT NULL AS recovered,
    before_rated, before_critical, period_rated, period_critical, before_mean, period_mean,
    before_mean - period_mean AS rating_drop, before - period - error AS low,
    before - period + error AS high, q_value
FROM smoothed JOIN described USING (asin), (SELECT max(reviewed_on) AS as_of FROM reviews)
