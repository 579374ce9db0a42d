SELECT year, month, category_of(main_category) AS main_category, overall AS stars, verified, source,
    count(*) AS reviews
FROM reviews
GROUP BY ALL
