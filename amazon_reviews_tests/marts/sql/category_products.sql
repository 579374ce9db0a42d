WITH listed AS (
    SELECT *, price IS NOT NULL AND NOT coalesce(price_imputed, false) AS is_listed FROM products
)
SELECT category_of(main_category) AS main_category, count(*) AS products,
    count(*) / sum(count(*)) OVER () AS share, count(*) FILTER (is_listed) AS priced,
    min(price_min) FILTER (is_listed) AS price_min, max(price_max) FILTER (is_listed) AS price_max,
    avg(price) FILTER (is_listed) AS mean_price, avg(image_count) AS mean_images
FROM listed
GROUP BY ALL
