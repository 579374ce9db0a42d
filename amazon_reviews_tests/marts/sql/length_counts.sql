SELECT length_from(word_count) AS length_from, length_to(word_count) AS length_to, year, month,
    category_of(main_category) AS main_category, overall AS stars, verified, source,
    count(*) AS reviews, sum(word_count) AS words, sum(char_count) AS characters,
    sum(letters(word_count, char_count)) AS letters
FROM reviews
GROUP BY ALL
