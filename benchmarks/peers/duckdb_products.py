"""The statements of the DuckDB job for products; see `duckdb_statements`."""

from benchmarks.peers.duckdb_statements import struct
from benchmarks.peers.rules import (
    BY_LINE,
    CATEGORY_TAG,
    IMAGE_TEXT,
    PRICE_RANGE,
    PRODUCT_FIELDS,
    PRODUCT_TEXTS,
)

_ALT = IMAGE_TEXT.replace("'", "''")

TYPE_PRODUCTS = rf"""
CREATE OR REPLACE TEMP TABLE product_lines AS
WITH parsed AS (
    SELECT raw, file, line, place, json_valid(raw) AS is_json,
        CASE WHEN is_json AND starts_with(ltrim(raw), '{{')
            THEN from_json(raw, '{struct(PRODUCT_FIELDS)}') END AS r
    FROM read_parquet('{{bronze}}/*.parquet')
)
SELECT r, file, line, place, substr(sha256(trim(raw)), 1, 32) AS line_id, CASE
    WHEN NOT is_json THEN 'not_json'
    WHEN r IS NULL THEN 'not_an_object'
    WHEN blank(r.asin) THEN 'missing_field'
    WHEN {" OR ".join(f"structure(raw, r.{text}, '{text}')" for text in PRODUCT_TEXTS)}
        THEN 'wrong_type'
    END AS reason,
    CASE WHEN reason IS NOT NULL THEN raw END AS rejected
FROM parsed;
"""
REJECT_PRODUCTS = """
COPY (
    SELECT rejected AS raw, 'utf-8' AS encoding, reason, file, line, '' AS detail
    FROM product_lines WHERE reason IS NOT NULL
) TO '{out}/rejected.parquet';
"""
CLEAN_PRODUCTS = rf"""
COPY (
    WITH deduplicated AS (
        SELECT r, file, line, line_id FROM product_lines WHERE reason IS NULL
        QUALIFY row_number() OVER (PARTITION BY line_id ORDER BY place) = 1
    ), prices AS (
        SELECT *, CASE WHEN length(r.price) <= 60
            THEN regexp_extract(r.price, '{PRICE_RANGE}', ['a', 'b']) END AS written,
            CASE WHEN json_valid(r.category) AND starts_with(r.category, '[')
                THEN list_filter(from_json(r.category, '["VARCHAR"]'),
                    lambda c: NOT regexp_matches(c, '{CATEGORY_TAG}') AND c <> '') END AS path
        FROM deduplicated
    ), plain AS (
        SELECT *, amount(written.a) AS low, coalesce(amount(written.b), low) AS high,
            tidy(unescaped(unescaped_once(without_tags(r.title)))) AS title,
            tidy(unescaped(unescaped_once(without_tags(
                regexp_replace(r.brand, '{BY_LINE}', ''))))) AS brand,
            CASE WHEN contains(r.main_cat, '<img')
                THEN regexp_extract(r.main_cat, '{_ALT}', 1)
                ELSE r.main_cat END AS category,
            list_transform(path, lambda c: tidy(unescaped(unescaped_once(c)))) AS categories
        FROM prices
    )
    SELECT trim(r.asin) AS asin, coalesce(nullif(title, ''), 'Unknown') AS title,
        coalesce(nullif(brand, ''), 'Unknown') AS brand,
        coalesce(nullif(tidy(unescaped(unescaped_once(category))), ''), categories[1])
            AS main_category,
        list_distinct(coalesce(categories, [])) AS categories,
        least(low, high) AS price_min, greatest(low, high) AS price_max,
        CAST(round((low + high) / 2, 2) AS DECIMAL(12,2)) AS price,
        line_id, file, line, '{{partition}}' AS partition
    FROM plain
) TO '{{out}}/{{partition}}.parquet' (COMPRESSION zstd);
"""
GOLD_PRODUCTS = """
CREATE OR REPLACE TABLE products AS
WITH best AS (
    SELECT s.* EXCLUDE (line_id) FROM read_parquet('{silver}/*.parquet') s
    JOIN ranks USING (partition)
    QUALIFY row_number() OVER (PARTITION BY asin ORDER BY
        (title <> 'Unknown')::INT + (brand <> 'Unknown')::INT + (main_category IS NOT NULL)::INT
        + (price IS NOT NULL)::INT + (len(categories) > 0)::INT DESC, rank, file, line) = 1
), means AS (
    SELECT main_category, CAST(round(avg(price), 2) AS DECIMAL(12,2)) AS category_price
    FROM best WHERE main_category IS NOT NULL GROUP BY main_category
), overall AS (SELECT CAST(round(avg(price), 2) AS DECIMAL(12,2)) AS overall_price FROM best)
SELECT best.* EXCLUDE (price), coalesce(price, category_price, overall_price) AS price,
    price IS NULL AND coalesce(category_price, overall_price) IS NOT NULL AS price_imputed
FROM best LEFT JOIN means USING (main_category), overall;
COPY products TO '{out}/products.parquet' (COMPRESSION zstd);
"""
