SELECT count(*) AS reviews, count(overall) AS rated, avg(overall) AS mean_stars,
    count(*) FILTER (sentiment = 'positive') AS positive,
    count(*) FILTER (sentiment = 'neutral') AS neutral,
    count(*) FILTER (sentiment = 'negative') AS negative, count(*) FILTER (verified) AS verified,
    count(DISTINCT reviewer_id) AS customers,
    (SELECT count(DISTINCT asin) FROM product_reviews()) AS reviewed_products,
    (SELECT count(*) FROM products) AS products,
    (SELECT count(DISTINCT brand) FROM products WHERE brand <> 'Unknown') AS brands,
    min(reviewed_on) AS first_on, max(reviewed_on) AS last_on
FROM reviews
