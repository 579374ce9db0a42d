WITH categories AS (
    SELECT category_of(main_category) AS main_category, count(*) AS reviews,
        count(overall) AS rated, avg(overall) AS mean_stars,
        (10 * (SELECT avg(overall) FROM reviews) + coalesce(sum(overall), 0))
            / (10 + count(overall)) AS shrunk_stars,
        count(*) FILTER (sentiment = 'positive') AS positive,
        count(*) FILTER (sentiment = 'neutral') AS neutral,
        count(*) FILTER (sentiment = 'negative') AS negative
    FROM reviews
    GROUP BY ALL
), whole AS (
    SELECT sum(rated) AS rated, sum(negative) AS negative FROM categories
), compared AS (
    SELECT main_category, c.negative AS k, c.rated AS n, w.negative - c.negative AS l,
        w.rated - c.rated AS m, c.rated * w.negative / w.rated AS expected
    FROM categories AS c, whole AS w
    WHERE main_category <> 'Unknown' AND c.rated > 0 AND c.rated < w.rated
), excess AS (
    SELECT *, k - expected AS excess_negative,
        k / n - wilson_low(k, n) AS below, wilson_high(k, n) - k / n AS above,
        l / m - wilson_low(l, m) AS other_below, wilson_high(l, m) - l / m AS other_above,
        greatest(-0.5, least(0.5, k - expected)) AS nearer
    FROM compared
), tests AS (
    SELECT *,
        excess_negative - n * m / (n + m) * sqrt(below ** 2 + other_above ** 2) AS excess_low,
        excess_negative + n * m / (n + m) * sqrt(above ** 2 + other_below ** 2) AS excess_high,
        two_sided(sqrt(greatest(0, 2 * (deviance(k - nearer, expected)
            + deviance(n - k + nearer, n - expected)
            + deviance(l + nearer, k + l - expected)
            + deviance(m - l - nearer, m - k - l + expected))))) AS p_value
    FROM excess
), ranked AS (
    SELECT *, row_number() OVER (ORDER BY p_value DESC) AS place, count(*) OVER () AS tests
    FROM tests
), adjusted AS (
    SELECT *, min(least(1, p_value * tests / (tests + 1 - place))) OVER (ORDER BY place)
        AS q_value
    FROM ranked
)
SELECT categories.*, reviews / sum(reviews) OVER () AS share,
    negative / nullif(rated, 0) AS negative_share,
    excess_negative, excess_low, excess_high, q_value
FROM categories LEFT JOIN adjusted USING (main_category)
