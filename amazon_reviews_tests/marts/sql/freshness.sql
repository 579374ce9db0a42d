SELECT source, count(*) AS reviews, count(*) / sum(count(*)) OVER () AS share,
    count(reviewed_on) AS dated, min(reviewed_on) AS first_on, max(reviewed_on) AS last_on,
    CASE WHEN source = 'stream' THEN (SELECT max(enqueued_at) FROM review_events) END
        AS newest_event_at
FROM reviews
GROUP BY source
