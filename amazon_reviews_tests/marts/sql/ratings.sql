SELECT overall AS stars, verified, count(*) AS reviews,
    count(*) / sum(count(*)) OVER () AS share,
    count(*) / sum(count(*)) OVER (PARTITION BY verified) AS share_of_verified
FROM reviews
GROUP BY overall, verified
