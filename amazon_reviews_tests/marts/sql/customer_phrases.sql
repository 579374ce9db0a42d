WITH phrases AS (
    SELECT summary FROM reviews WHERE summary <> ''
    GROUP BY summary
    ORDER BY count(*) DESC, summary
    LIMIT 20
)
SELECT summary,
    row_number() OVER (PARTITION BY summary ORDER BY count(*) DESC, reviewer_id) AS place,
    reviewer_id, count(*) AS uses
FROM reviews JOIN phrases USING (summary)
GROUP BY summary, reviewer_id
QUALIFY place <= 50
