SELECT count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    count_if(sentiment = 'positive') AS positive, count_if(sentiment = 'neutral') AS neutral,
    count_if(sentiment = 'negative') AS negative, count_if(verified) AS verified,
    count(DISTINCT reviewer_id) AS customers, count(DISTINCT asin) AS reviewed_products,
    (SELECT count(*) FROM products) AS products,
    (SELECT count(DISTINCT brand) FROM products WHERE brand <> 'Unknown') AS brands,
    min(reviewed_on) AS first_on, max(reviewed_on) AS last_on
FROM reviews
