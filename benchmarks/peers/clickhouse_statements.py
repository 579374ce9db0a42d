"""The batch job in idiomatic ClickHouse SQL; see `duckdb_statements` for `fill` and the rules."""

from benchmarks.peers.rules import (
    COMMON_DIFFERENCES,
    EARLIEST,
    ESCAPED_AGAIN,
    LATEST,
    LINK,
    REVIEW_FIELDS,
    REVIEW_TEXTS,
    STYLE_PADDING,
    TAG,
    UNSEEN,
    UNTIDY,
)

DIFFERENCES = (
    "a row without style, unknown fields or product has an empty map or array, since these are"
    " never null in ClickHouse",
    "`decodeHTMLComponent` knows the entities of HTML 5, the project those of HTML 4",
    *COMMON_DIFFERENCES,
)
SETTINGS = """
SET max_memory_usage = 3000000000, max_bytes_before_external_group_by = 1000000000,
    join_use_nulls = 1, engine_file_truncate_on_insert = 1,
    session_timezone = 'UTC', output_format_parquet_compression_method = 'zstd',
    input_format_parquet_preserve_order = 0;
"""


def quoted(text: str) -> str:
    """Return a literal; ClickHouse reads backslashes in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fields(names: list[str]) -> str:
    """Return the type that `JSONExtract` reads an object with these fields as."""
    return quoted(f"Tuple({', '.join(f'{name} Nullable(String)' for name in names)})")


FUNCTIONS = (
    f"""CREATE FUNCTION withoutTags AS (t) -> if(position(t, '<') > 0, replaceRegexpAll(
        replaceRegexpAll(t, {quoted(UNSEEN)}, ' '), {quoted(TAG)}, ' '), t)""",
    f"""CREATE FUNCTION unescaped AS (t) -> if(position(t, '&') > 0, decodeHTMLComponent(
        replaceRegexpAll(t, {quoted(ESCAPED_AGAIN)}, {quoted(chr(38) + chr(92) + "1")})), t)""",
    f"CREATE FUNCTION tidy AS (t) -> trimBoth(replaceRegexpAll(t, {quoted(UNTIDY)}, ' '))",
    "CREATE FUNCTION prefixed AS (t) -> coalesce(concat(toString(lengthUTF8(t)), ':', t), '-')",
    "CREATE FUNCTION blank AS (t) -> coalesce(trimBoth(t), '') = ''",
    """CREATE FUNCTION isContainer AS (raw, field) ->
        JSONType(raw, field) IN ('Array', 'Object')""",
    f"""CREATE FUNCTION normalized AS (t) -> trimBoth(replaceRegexpAll(replaceRegexpAll(
        replaceRegexpAll(lowerUTF8(t), {quoted(LINK)}, ' '), {quoted("['’]")}, ''),
        {quoted(chr(91) + "^" + chr(92) + "pL]+")}, ' '))""",
    "CREATE FUNCTION amount AS (t) -> toDecimal64OrNull(replaceAll(t, ',', ''), 2)",
    "CREATE FUNCTION inCents AS (n) -> toDecimal64(toInt64(n), 2) / 100",
    "CREATE FUNCTION number AS (t) -> toFloat64OrNull(trimBoth(t))",
)

READ_FILES = """
INSERT INTO FUNCTION file('{out}/lines.parquet', 'Parquet')
SELECT if(isValidUTF8(line), line, base64Encode(line)) AS raw,
    if(isValidUTF8(line), 'utf-8', 'base64') AS encoding,
    _file AS file, _row_number + 1 AS line_number
FROM file('{files}', 'LineAsString', 'line String')
WHERE trimBoth(line) <> '';
"""

_KNOWN = ", ".join(map(quoted, REVIEW_FIELDS))
TYPE_REVIEWS = f"""
CREATE OR REPLACE TABLE typed ENGINE = MergeTree ORDER BY tuple() AS
WITH parsed AS (
    SELECT raw, encoding, file, line_number AS line, (file, line_number) AS place,
        isValidJSON(raw) AS is_json, JSONType(raw) = 'Object' AS is_object,
        JSONExtract(if(is_object, raw, '{{}}'), {fields(REVIEW_FIELDS)}) AS r,
        arrayFilter(k -> k NOT IN ({_KNOWN}),
            JSONExtractKeys(if(is_object, raw, '{{}}'))) AS unknown
    FROM file('{{bronze}}/*.parquet', 'Parquet', 'raw String, encoding String, file String,
        line_number UInt64')
), cast_ AS (
    SELECT *, floor(number(r.overall) * 10 + 0.5) AS tenths,
        accurateCastOrNull(lower(trimBoth(r.verified)), 'Bool') AS verified,
        accurateCastOrNull(round(toFloat64OrNull(replaceAll(r.vote, ',', ''))), 'Int32') AS vote,
        coalesce(JSONType(r.style) = 'Object', false) AS has_style,
        if(JSONType(r.image) = 'Array', JSONLength(r.image), NULL) AS images,
        number(r.unixReviewTime) AS seconds
    FROM parsed
)
SELECT r.reviewerID AS reviewerID, r.asin AS asin, r.reviewText AS reviewText,
    r.summary AS summary, r.reviewerName AS reviewerName, r.reviewTime AS reviewTime,
    tenths, verified, vote, images, seconds, file, line, place, encoding,
    multiIf(
        encoding <> 'utf-8', 'not_utf8',
        NOT is_json, 'not_json',
        NOT is_object, 'not_an_object',
        blank(reviewerID) OR blank(asin) OR blank(r.overall), 'missing_field',
        reviewText IS NULL AND summary IS NULL, 'missing_field',
        tenths IS NULL OR isNaN(tenths), 'wrong_type',
        {" OR ".join(f"isContainer(raw, '{text}')" for text in REVIEW_TEXTS)}, 'wrong_type',
        NOT blank(r.verified) AND verified IS NULL, 'wrong_type',
        NOT blank(r.vote) AND vote IS NULL, 'wrong_type',
        NOT blank(r.style) AND NOT has_style, 'wrong_type',
        NOT blank(r.image) AND images IS NULL, 'wrong_type',
        NOT blank(r.unixReviewTime) AND seconds IS NULL, 'wrong_type',
        tenths <> 0 AND tenths NOT BETWEEN 10 AND 50, 'out_of_range',
        vote < 0, 'out_of_range',
        isNaN(seconds) OR seconds NOT BETWEEN {EARLIEST} AND {LATEST}, 'out_of_range',
        '') AS reason,
    if(reason = '', concat(toString(intDiv(toInt32(tenths), 10)), '.',
        toString(toInt32(tenths) % 10)), '') AS rating,
    if(reason = '', lower(hex(substring(SHA256(concat(prefixed(reviewerID), prefixed(asin),
        prefixed(rating), prefixed(reviewText), prefixed(summary))), 1, 16))), '') AS review_id,
    JSONExtract(if(has_style, replaceRegexpAll(coalesce(r.style, ''), {quoted(STYLE_PADDING)},
        '":"'), '{{}}'), 'Map(String, Nullable(String))') AS style,
    mapFromArrays(unknown, arrayMap(k -> JSONExtract(raw, k, 'Nullable(String)'), unknown))
        AS rescued,
    if(reason = '', '', raw) AS rejected
FROM cast_;
"""

REJECT = """
INSERT INTO FUNCTION file('{out}/rejected.parquet', 'Parquet')
SELECT rejected AS raw, encoding, reason, file, line FROM {table} WHERE reason <> '';
"""
# Only the narrow columns are grouped; a set of the winners then selects the wide rows.
WINNERS = """
CREATE OR REPLACE TABLE winners ENGINE = Memory AS
SELECT min(place) AS place FROM typed WHERE reason = '' GROUP BY review_id;
"""
DUPLICATES = """
INSERT INTO FUNCTION file('{out}/repeated.parquet', 'Parquet')
SELECT review_id AS id, file, line FROM typed
WHERE reason = '' AND place NOT IN (SELECT place FROM winners);
"""
CLEAN_REVIEWS = """
INSERT INTO FUNCTION file('{out}/{partition}.parquet', 'Parquet')
WITH plain AS (
    SELECT *, tidy(unescaped(withoutTags(reviewText))) AS own_text,
        tidy(unescaped(withoutTags(summary))) AS headline
    FROM typed WHERE place IN (SELECT place FROM winners)
), filled AS (
    SELECT *, if(own_text <> '', own_text, headline) AS review_text FROM plain
)
SELECT review_id, trimBoth(reviewerID) AS reviewer_id, trimBoth(asin) AS asin,
    if(tenths > 0, toDecimal32OrNull(rating, 1), NULL) AS overall, tenths = 0 AS unrated,
    multiIf(tenths = 0, NULL, tenths < 30, 'negative', tenths > 30, 'positive', 'neutral')
        AS sentiment,
    review_text, headline AS summary, trimBoth(reviewerName) AS reviewer_name, verified, vote,
    style, toInt32(coalesce(images, 0)) AS image_count,
    coalesce(toDate32(toInt32(floor(seconds / 86400))),
        toDate32(parseDateTimeOrNull(reviewTime, '%m %e, %Y'))) AS reviewed_on,
    toInt32(if(coalesce(review_text, '') = '', 0, countSubstrings(review_text, ' ') + 1))
        AS word_count,
    toInt32(coalesce(lengthUTF8(review_text), 0)) AS char_count,
    rescued, file, line, '{partition}' AS partition
FROM filled;
"""

# Groups by a 64-bit hash of the id first, so that only possible duplicates are compared by id.
LOSERS = """
CREATE OR REPLACE TABLE losers ENGINE = Memory AS
WITH ids AS (
    SELECT s.review_id AS review_id, p.partition AS partition, p.rank AS rank
    FROM file('{silver}/*.parquet', 'Parquet', 'review_id String, partition String') s
    JOIN ranks p ON s.partition = p.partition
    WHERE cityHash64(s.review_id) IN (
        SELECT cityHash64(review_id) AS h
        FROM file('{silver}/*.parquet', 'Parquet', 'review_id String')
        GROUP BY h HAVING count() > 1)
)
SELECT review_id, partition FROM (
    SELECT *, min(rank) OVER (PARTITION BY review_id) AS first_rank FROM ids
) WHERE rank > first_rank;
"""
GOLD_REVIEWS = """
INSERT INTO FUNCTION file('{out}/{partition}.parquet', 'Parquet')
SELECT s.* EXCEPT (file, line), normalized(s.review_text) AS review_text_normalized,
    toYear(s.reviewed_on) AS year, toMonth(s.reviewed_on) AS month, 'batch' AS source,
    p.title AS title, p.brand AS brand, p.main_category AS main_category,
    p.categories AS categories, p.price AS price, p.price_min AS price_min,
    p.price_max AS price_max, p.price_imputed AS price_imputed
FROM file('{silver}/{partition}.parquet', 'Parquet') s
LEFT ANY JOIN products p ON s.asin = p.asin
WHERE s.review_id NOT IN (SELECT review_id FROM losers WHERE partition = '{partition}');
"""
