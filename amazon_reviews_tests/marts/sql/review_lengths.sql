SELECT length_from(word_count) AS length_from, length_to(word_count) AS length_to, sentiment,
    count(*) AS reviews, count(*) / sum(count(*)) OVER () AS share,
    avg(word_count) AS mean_words, avg(char_count) AS mean_characters,
    sum(letters(word_count, char_count)) / nullif(sum(word_count), 0) AS mean_word_length
FROM reviews
GROUP BY ALL
