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
)
SELECT *, reviews / sum(reviews) OVER () AS share, negative / nullif(rated, 0) AS negative_share,
    rated * (5 - shrunk_stars) / nullif(sum(rated * (5 - shrunk_stars)) OVER (), 0) AS priority
FROM categories
