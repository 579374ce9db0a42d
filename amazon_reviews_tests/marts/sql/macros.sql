CREATE MACRO category_of(main_category) AS coalesce(main_category, 'Unknown');

CREATE MACRO length_from(words) AS CASE
    WHEN words = 0 THEN 0 WHEN words <= 5 THEN 1 WHEN words <= 10 THEN 6 WHEN words <= 20 THEN 11
    WHEN words <= 50 THEN 21 WHEN words <= 100 THEN 51 WHEN words <= 200 THEN 101
    WHEN words <= 500 THEN 201 WHEN words > 500 THEN 501 END;

CREATE MACRO length_to(words) AS CASE
    WHEN words = 0 THEN 0 WHEN words <= 5 THEN 5 WHEN words <= 10 THEN 10 WHEN words <= 20 THEN 20
    WHEN words <= 50 THEN 50 WHEN words <= 100 THEN 100 WHEN words <= 200 THEN 200
    WHEN words <= 500 THEN 500 END;

CREATE MACRO letters(words, characters) AS
    CASE WHEN words > 0 THEN characters - (words - 1) ELSE 0 END;

CREATE MACRO price_from(price) AS CASE
    WHEN price < 5 THEN 0 WHEN price < 10 THEN 5 WHEN price < 25 THEN 10 WHEN price < 50 THEN 25
    WHEN price < 100 THEN 50 WHEN price < 250 THEN 100 WHEN price < 500 THEN 250
    WHEN price >= 500 THEN 500 END;

CREATE MACRO price_to(price) AS CASE
    WHEN price < 5 THEN 5 WHEN price < 10 THEN 10 WHEN price < 25 THEN 25 WHEN price < 50 THEN 50
    WHEN price < 100 THEN 100 WHEN price < 250 THEN 250 WHEN price < 500 THEN 500 END;

CREATE MACRO is_object(raw) AS
    CASE WHEN json_valid(raw) THEN json_type(raw) = 'OBJECT' ELSE false END;

CREATE MACRO is_missing(text) AS
    coalesce(regexp_full_match(text, '[ \t\r\n]*(\[\]|\{\})?[ \t\r\n]*'), true);

CREATE MACRO product_reviews() AS TABLE
    SELECT * REPLACE (CASE WHEN product_asin IS NULL THEN asin ELSE product_asin END AS asin)
    FROM reviews;

CREATE MACRO normal_of_t(t, freedom) AS
    (8 * freedom + 1) / (8 * freedom + 3) * sqrt(freedom * ln(1 + t ** 2 / freedom));

CREATE MACRO z_95() AS 1.959963984540054;

CREATE MACRO t_95(freedom) AS
    sqrt(freedom * (exp((z_95() * (8 * freedom + 3) / (8 * freedom + 1)) ** 2 / freedom) - 1));

CREATE MACRO wilson_low(k, n) AS
    (k + z_95() ** 2 / 2 - z_95() * sqrt(k * (n - k) / n + z_95() ** 2 / 4)) / (n + z_95() ** 2);

CREATE MACRO wilson_high(k, n) AS
    (k + z_95() ** 2 / 2 + z_95() * sqrt(k * (n - k) / n + z_95() ** 2 / 4)) / (n + z_95() ** 2);

CREATE MACRO deviance(number, expected) AS
    CASE WHEN number > 0 AND expected > 0 THEN number * ln(number / expected) ELSE 0 END;
