"""The batch job in idiomatic DuckDB: SQL for one partition at a time.

The statements contain `{names}` that `fill` replaces. The rules are those of the project's
transforms. `DIFFERENCES` lists the rules that the peer leaves out.
"""

from benchmarks.peers.rules import (
    COMMON_DIFFERENCES,
    EARLIEST,
    ENTITY,
    ENTITY_NAMES,
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
    "line numbers count the lines that are UTF-8 (the others are rejected with a separate number)",
    *COMMON_DIFFERENCES,
)


def fill(statement: str, **values: object) -> str:
    """Replace the `{names}` of a statement; other braces stay."""
    for name, value in values.items():
        statement = statement.replace(f"{{{name}}}", str(value))
    return statement


def _entity_names() -> str:
    keys = ", ".join(f"'&{name};'" for name in ENTITY_NAMES)
    values = ", ".join("'" + text.replace("'", "''") + "'" for text in ENTITY_NAMES.values())
    return f"map([{keys}], [{values}])"


MACROS = f"""
CREATE MACRO entity_text(entity) AS coalesce(
    map_extract_value({_entity_names()}, entity),
    chr(CASE
        WHEN starts_with(entity, '&#x') OR starts_with(entity, '&#X')
            THEN try_cast('0x' || substr(entity, 4, length(entity) - 4) AS INTEGER)
        WHEN starts_with(entity, '&#')
            THEN try_cast(substr(entity, 3, length(entity) - 3) AS INTEGER)
    END),
    entity);
CREATE MACRO without_tags(t) AS CASE WHEN contains(t, '<') THEN
    regexp_replace(regexp_replace(t, '{UNSEEN}', ' ', 'g'), '{TAG}', ' ', 'g') ELSE t END;
CREATE MACRO unescaped_once(t) AS CASE WHEN contains(t, '&') THEN
    regexp_replace(t, '{ESCAPED_AGAIN}', '&\\1', 'g')
    ELSE t END;
CREATE MACRO unescaped(t) AS CASE WHEN contains(t, '&') AND contains(t, ';') THEN
    list_reduce(list_prepend(t, regexp_extract_all(t, '{ENTITY}')),
        lambda acc, e: replace(acc, e, entity_text(e)))
    ELSE t END;
CREATE MACRO tidy(t) AS trim(regexp_replace(t, '{UNTIDY}', ' ', 'g'));
CREATE MACRO prefixed(t) AS coalesce(length(t) || ':' || t, '-');
CREATE MACRO blank(t) AS coalesce(trim(t), '') = '';
CREATE MACRO structure(raw, text, field) AS coalesce(
    CASE WHEN starts_with(text, '{{') OR starts_with(text, '[')
        THEN json_type(raw, '$.' || field) IN ('ARRAY', 'OBJECT') END, false);
CREATE MACRO normalized(t) AS trim(regexp_replace(replace(replace(lower(
    CASE WHEN contains(t, 'http') OR contains(t, 'www.')
        THEN regexp_replace(t, '{LINK}', ' ', 'g') ELSE t END
    ), '''', ''), '’', ''), '[^\\pL]+', ' ', 'g'));
CREATE MACRO amount(t) AS try_cast(replace(t, ',', '') AS DECIMAL(12,2));
"""

READ_FILE = """
COPY (
    SELECT * FROM (
        SELECT raw, '{name}' AS file, row_number() OVER () AS line,
            {at} * 1000000000000 + line AS place
        FROM read_csv('{path}', columns = {'raw': 'VARCHAR'}, auto_detect = false,
            header = false, delim = '\x01', quote = '', escape = '', new_line = '\\n',
            max_line_size = 67108864, ignore_errors = true, store_rejects = true,
            rejects_table = 'errors_{number}', rejects_scan = 'scans_{number}')
    ) WHERE trim(raw) <> ''
) TO '{out}/{number}.parquet' (COMPRESSION zstd);
"""
NOT_UTF8 = """
COPY (
    SELECT to_base64(encode(csv_line)) AS raw, 'base64' AS encoding, 'not_utf8' AS reason,
        '{name}' AS file, CAST(line AS BIGINT) AS line, CAST(NULL AS VARCHAR) AS detail
    FROM errors_{number} WHERE error_type = 'INVALID ENCODING'
) TO '{out}/not_utf8_{number}.parquet';
"""


def struct(fields: list[str]) -> str:
    """Return the fields as a structure of texts for `from_json`."""
    pairs = ", ".join(f'"{field}": "VARCHAR"' for field in fields)
    return f"{{{pairs}}}"


def _quoted(fields: list[str]) -> str:
    return ", ".join(f"'{field}'" for field in fields)


TYPE_REVIEWS = rf"""
CREATE OR REPLACE TEMP TABLE typed AS
WITH parsed AS (
    SELECT raw, file, line, place, json_valid(raw) AS is_json,
        CASE WHEN is_json AND starts_with(ltrim(raw), '{{')
            THEN from_json(raw, '{struct(REVIEW_FIELDS)}') END AS r,
        CASE WHEN is_json AND starts_with(ltrim(raw), '{{') THEN list_filter(
            json_keys(raw), lambda k: k NOT IN ({_quoted(REVIEW_FIELDS)})) END AS unknown
    FROM read_parquet('{{bronze}}/*.parquet')
), cast_ AS (
    SELECT *, round(try_cast(r.overall AS DOUBLE), 1) AS stars,
        try_cast(r.verified AS BOOLEAN) AS verified,
        try_cast(try_cast(replace(r.vote, ',', '') AS DOUBLE) AS INTEGER) AS vote,
        CASE WHEN json_valid(r.style) AND starts_with(r.style, '{{')
            THEN from_json(regexp_replace(r.style, '{STYLE_PADDING}', '":"', 'g'),
                '"MAP(VARCHAR,VARCHAR)"') END AS style,
        CASE WHEN json_valid(r.image) AND starts_with(r.image, '[')
            THEN json_array_length(r.image) END AS images,
        try_cast(r.unixReviewTime AS DOUBLE) AS seconds
    FROM parsed
), judged AS (
    SELECT *, CASE
        WHEN NOT is_json THEN 'not_json'
        WHEN r IS NULL THEN 'not_an_object'
        WHEN blank(r.reviewerID) OR blank(r.asin) OR blank(r.overall) THEN 'missing_field'
        WHEN r.reviewText IS NULL AND r.summary IS NULL THEN 'missing_field'
        WHEN stars IS NULL OR isnan(stars) THEN 'wrong_type'
        WHEN {" OR ".join(f"structure(raw, r.{text}, '{text}')" for text in REVIEW_TEXTS)}
            THEN 'wrong_type'
        WHEN NOT blank(r.verified) AND verified IS NULL THEN 'wrong_type'
        WHEN NOT blank(r.vote) AND vote IS NULL THEN 'wrong_type'
        WHEN NOT blank(r.style) AND style IS NULL THEN 'wrong_type'
        WHEN NOT blank(r.image) AND images IS NULL THEN 'wrong_type'
        WHEN NOT blank(r.unixReviewTime) AND seconds IS NULL THEN 'wrong_type'
        WHEN stars <> 0 AND stars NOT BETWEEN 1 AND 5 THEN 'out_of_range'
        WHEN vote < 0 THEN 'out_of_range'
        WHEN isnan(seconds) OR seconds NOT BETWEEN {EARLIEST} AND {LATEST} THEN 'out_of_range'
        END AS reason
    FROM cast_
)
SELECT r.reviewerID, r.asin, r.reviewText, r.summary, r.reviewerName, r.reviewTime,
    stars, verified, vote, style, images, seconds, file, line, place, reason,
    CASE WHEN reason IS NULL THEN substr(sha256(prefixed(r.reviewerID) || prefixed(r.asin)
        || prefixed(CAST(CAST(stars AS DECIMAL(2,1)) AS VARCHAR))
        || prefixed(r.reviewText) || prefixed(r.summary)), 1, 32) END AS review_id,
    CASE WHEN len(unknown) > 0 THEN map_from_entries(list_transform(unknown,
        lambda k: (k, json_extract_string(raw, '$."' || k || '"')))) END AS rescued,
    CASE WHEN reason IS NOT NULL THEN raw END AS rejected
FROM judged;
"""

REJECT = """
COPY (
    SELECT rejected AS raw, 'utf-8' AS encoding, reason, file, line,
        coalesce(reviewerID || ' ' || asin, '') AS detail
    FROM typed WHERE reason IS NOT NULL
) TO '{out}/rejected.parquet';
"""
# Only the narrow key is grouped, and the wide rows are joined afterwards: that needs less memory.
WINNERS = """
CREATE OR REPLACE TEMP TABLE winners AS
SELECT min(place) AS place FROM typed WHERE reason IS NULL GROUP BY review_id;
"""
DUPLICATES = """
COPY (
    SELECT review_id AS id, file, line FROM typed ANTI JOIN winners USING (place)
    WHERE reason IS NULL
) TO '{out}/repeated.parquet';
"""
CLEAN_REVIEWS = """
COPY (
    WITH deduplicated AS (
        SELECT * FROM typed SEMI JOIN winners USING (place)
    ), stripped AS (
        SELECT *, unescaped_once(without_tags(reviewText)) AS a,
            unescaped_once(without_tags(summary)) AS b FROM deduplicated
    ), plain AS (
        SELECT *, tidy(unescaped(a)) AS own_text, tidy(unescaped(b)) AS headline FROM stripped
    ), filled AS (
        SELECT *, CASE WHEN own_text <> '' THEN own_text ELSE headline END AS review_text
        FROM plain
    )
    SELECT review_id, trim(reviewerID) AS reviewer_id, trim(asin) AS asin,
        CASE WHEN stars > 0 THEN CAST(stars AS DECIMAL(2,1)) END AS overall,
        stars = 0 AS unrated,
        CASE WHEN stars = 0 THEN NULL WHEN stars < 3 THEN 'negative'
            WHEN stars > 3 THEN 'positive' ELSE 'neutral' END AS sentiment,
        review_text, headline AS summary, trim(reviewerName) AS reviewer_name, verified, vote,
        CASE WHEN cardinality(style) > 0 THEN style END AS style,
        coalesce(images, 0) AS image_count,
        coalesce(DATE '1970-01-01' + CAST(floor(seconds / 86400) AS INTEGER),
            CAST(try_strptime(reviewTime, '%m %d, %Y') AS DATE)) AS reviewed_on,
        CASE WHEN coalesce(review_text, '') = '' THEN 0
            ELSE length(review_text) - length(replace(review_text, ' ', '')) + 1 END AS word_count,
        coalesce(length(review_text), 0) AS char_count,
        rescued, file, line, '{partition}' AS partition
    FROM filled
) TO '{out}/{partition}.parquet' (COMPRESSION zstd);
"""

# Groups by a 64-bit hash of the id first, so that only possible duplicates are compared by id.
LOSERS = """
CREATE OR REPLACE TEMP TABLE losers AS
WITH ids AS (
    SELECT review_id, p.partition, p.rank FROM read_parquet('{silver}/*.parquet') s
    JOIN ranks p ON s.partition = p.partition
), suspected AS (
    SELECT hash(review_id) AS h FROM ids GROUP BY h HAVING count(*) > 1
), first AS (
    SELECT review_id, min(rank) AS rank FROM ids
    WHERE hash(review_id) IN (SELECT h FROM suspected) GROUP BY review_id HAVING count(*) > 1
)
SELECT ids.review_id, ids.partition FROM ids JOIN first USING (review_id)
WHERE ids.rank > first.rank;
"""
GOLD_REVIEWS = """
COPY (
    SELECT s.* EXCLUDE (file, line), normalized(s.review_text) AS review_text_normalized,
        year(s.reviewed_on) AS year, month(s.reviewed_on) AS month, 'batch' AS source,
        p.title, p.brand, p.main_category, p.categories, p.price, p.price_min, p.price_max,
        p.price_imputed
    FROM read_parquet('{silver}/{partition}.parquet') s
    ANTI JOIN (SELECT review_id FROM losers WHERE partition = '{partition}') l USING (review_id)
    LEFT JOIN products p USING (asin)
) TO '{out}/{partition}.parquet' (COMPRESSION zstd);
"""
