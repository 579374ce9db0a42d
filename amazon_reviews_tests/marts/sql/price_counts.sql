SELECT price_from(price) AS price_from, price_to(price) AS price_to,
    CASE WHEN price IS NOT NULL THEN price_imputed END AS price_imputed, year, month,
    category_of(main_category) AS main_category, overall AS stars, verified, source,
    count(*) AS reviews
FROM reviews
GROUP BY ALL
