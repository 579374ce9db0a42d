SELECT overall AS stars, count(*) AS reviews, count(*) FILTER (vote > 0) AS voted,
    coalesce(sum(vote), 0) AS votes,
    sum(vote) / nullif(count(*) FILTER (vote > 0), 0) AS mean_votes,
    avg(coalesce(vote, 1)) AS mean_votes_missing_as_one
FROM reviews
GROUP BY overall
