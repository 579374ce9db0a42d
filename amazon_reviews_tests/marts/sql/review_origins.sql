SELECT profile, marketplace, language, count(*) AS reviews, count(overall) AS rated,
    avg(overall) AS mean_stars, count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative,
    count(*) / sum(count(*)) OVER () AS share,
    count(*) FILTER (sentiment = 'negative') / nullif(count(overall), 0) AS negative_share,
    avg(verified::INT) AS verified_share, avg(vine::INT) AS vine_share,
    min(reviewed_on) AS first_on, max(reviewed_on) AS last_on
FROM reviews
GROUP BY ALL
