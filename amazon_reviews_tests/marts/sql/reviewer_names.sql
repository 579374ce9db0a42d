SELECT row_number() OVER (ORDER BY count(*) DESC, reviewer_name) AS place, reviewer_name,
    count(*) AS reviews, count(*) / (SELECT count(*) FROM reviews) AS share
FROM reviews
WHERE reviewer_name <> ''
GROUP BY reviewer_name
HAVING count(DISTINCT reviewer_id) >= 5
QUALIFY place <= 1000
