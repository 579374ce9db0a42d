SELECT sentiment, count(*) AS reviews, count(*) / sum(count(*)) OVER () AS share
FROM reviews
GROUP BY sentiment
