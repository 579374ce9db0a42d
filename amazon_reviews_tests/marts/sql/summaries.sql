SELECT row_number() OVER (ORDER BY count(*) DESC, summary) AS place, summary, count(*) AS reviews,
    count(*) / (SELECT count(*) FROM reviews) AS share, avg(overall) AS mean_stars
FROM reviews
WHERE summary <> ''
GROUP BY summary
QUALIFY place <= 1000
