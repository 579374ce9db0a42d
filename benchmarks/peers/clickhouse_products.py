"""The statements of the ClickHouse job for products; see `clickhouse_statements`."""

from benchmarks.peers.clickhouse_statements import fields, quoted
from benchmarks.peers.rules import (
    BY_LINE,
    CATEGORY_TAG,
    IMAGE_TEXT,
    PRICE_RANGE,
    PRODUCT_FIELDS,
    PRODUCT_TEXTS,
)

TYPE_PRODUCTS = f"""
CREATE OR REPLACE TABLE product_lines ENGINE = Memory AS
WITH parsed AS (
    SELECT raw, encoding, file, line_number AS line, (file, line_number) AS place,
        isValidJSON(raw) AS is_json, JSONType(raw) = 'Object' AS is_object,
        JSONExtract(if(is_object, raw, '{{}}'), {fields(PRODUCT_FIELDS)}) AS r
    FROM file('{{bronze}}/*.parquet', 'Parquet', 'raw String, encoding String, file String,
        line_number UInt64')
)
SELECT r, file, line, place, encoding,
    lower(hex(substring(SHA256(trimBoth(raw)), 1, 16))) AS line_id,
    multiIf(
        encoding <> 'utf-8', 'not_utf8',
        NOT is_json, 'not_json',
        NOT is_object, 'not_an_object',
        blank(r.asin), 'missing_field',
        {" OR ".join(f"isContainer(raw, '{text}')" for text in PRODUCT_TEXTS)}, 'wrong_type',
        '') AS reason,
    if(reason = '', '', raw) AS rejected
FROM parsed;
"""
CLEAN_PRODUCTS = f"""
INSERT INTO FUNCTION file('{{out}}/{{partition}}.parquet', 'Parquet')
WITH deduplicated AS (
    SELECT * FROM product_lines WHERE reason = '' ORDER BY place LIMIT 1 BY line_id
), plain AS (
    SELECT *,
        extractGroups(if(lengthUTF8(r.price) <= 60, coalesce(r.price, ''), ''),
            {quoted(PRICE_RANGE)}) AS written,
        amount(written[1]) AS low, coalesce(amount(written[2]), low) AS high,
        tidy(unescaped(withoutTags(r.title))) AS plain_title,
        tidy(unescaped(withoutTags(replaceRegexpOne(r.brand, {quoted(BY_LINE)}, ''))))
            AS plain_brand,
        tidy(unescaped(if(position(r.main_cat, '<img') > 0,
            regexpExtract(r.main_cat, {quoted(IMAGE_TEXT)}, 1), r.main_cat))) AS label,
        arrayMap(c -> tidy(unescaped(c)),
            arrayFilter(c -> NOT match(c, {quoted(CATEGORY_TAG)}) AND c <> '',
                JSONExtract(coalesce(r.category, ''), 'Array(String)'))) AS path
    FROM deduplicated
)
SELECT trimBoth(r.asin) AS asin, coalesce(nullIf(plain_title, ''), 'Unknown') AS title,
    coalesce(nullIf(plain_brand, ''), 'Unknown') AS brand,
    coalesce(nullIf(label, ''), nullIf(path[1], '')) AS main_category,
    arrayDistinct(path) AS categories,
    least(low, high) AS price_min, greatest(low, high) AS price_max,
    inCents(intDiv(toInt64(low * 100) + toInt64(high * 100) + 1, 2)) AS price,
    line_id, file, line, '{{partition}}' AS partition
FROM plain;
"""
GOLD_PRODUCTS = """
CREATE OR REPLACE TABLE products ENGINE = Memory AS
WITH best AS (
    SELECT s.* EXCEPT (line_id) FROM file('{silver}/*.parquet', 'Parquet') s
    JOIN ranks ON s.partition = ranks.partition
    ORDER BY (title <> 'Unknown') + (brand <> 'Unknown') + (main_category IS NOT NULL)
        + (price IS NOT NULL) + (length(categories) > 0) DESC, ranks.rank, s.file, s.line
    LIMIT 1 BY asin
), means AS (
    SELECT main_category, inCents(floor(avg(price) * 100 + 0.5)) AS category_price
    FROM best WHERE main_category IS NOT NULL GROUP BY main_category
), (SELECT inCents(floor(avg(price) * 100 + 0.5)) FROM best) AS overall_price
SELECT b.* EXCEPT (price), coalesce(b.price, m.category_price, overall_price) AS price,
    b.price IS NULL AND coalesce(m.category_price, overall_price) IS NOT NULL AS price_imputed
FROM best b LEFT ANY JOIN means m ON b.main_category = m.main_category;
"""
WRITE_PRODUCTS = """
INSERT INTO FUNCTION file('{out}/products.parquet', 'Parquet') SELECT * FROM products;
"""
