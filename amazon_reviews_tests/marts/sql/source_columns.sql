WITH review_fields AS (
    SELECT unnest(from_json(raw, '{review_fields}')) FROM bronze_reviews WHERE is_object(raw)
), product_fields AS (
    SELECT unnest(from_json(raw, '{product_fields}')) FROM bronze_products WHERE is_object(raw)
), counts AS (
    SELECT 'reviews' AS "table", * FROM (
        UNPIVOT (
            SELECT count(*) AS lines, count(nullif(is_missing(COLUMNS(*)), false))
            FROM review_fields)
        ON COLUMNS(* EXCLUDE (lines)) INTO NAME "column" VALUE missing)
    UNION ALL
    SELECT 'products', * FROM (
        UNPIVOT (
            SELECT count(*) AS lines, count(nullif(is_missing(COLUMNS(*)), false))
            FROM product_fields)
        ON COLUMNS(* EXCLUDE (lines)) INTO NAME "column" VALUE missing)
)
SELECT "table", "column", lines, missing, missing / lines AS missing_share,
    missing / lines > 0.7 AS mostly_missing
FROM counts
WHERE lines > 0
