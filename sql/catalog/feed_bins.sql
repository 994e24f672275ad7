-- Outcomes of each feed in pieces of ten minutes, and how old its newest event was when the piece ended.
WITH RECURSIVE counted AS (
    (SELECT feed FROM feed_minutes ORDER BY feed LIMIT 1)
    UNION ALL
    SELECT (SELECT m.feed FROM feed_minutes m WHERE m.feed > c.feed ORDER BY m.feed LIMIT 1)
    FROM counted c
    WHERE c.feed IS NOT NULL
)
SELECT c.feed, m.at, m.accepted, m.duplicate, m.conflict, m.rejected, m.lag_s
FROM counted c
CROSS JOIN LATERAL (
    SELECT date_bin(INTERVAL '10 minutes', minute, TIMESTAMPTZ '2000-01-01 00:00:00Z') AS at,
           sum(accepted)::bigint AS accepted, sum(duplicate)::bigint AS duplicate, sum(conflict)::bigint AS conflict,
           sum(rejected)::bigint AS rejected,
           min(greatest(0, extract(epoch FROM minute + INTERVAL '1 minute' - newest_occurred_at)))::float8 AS lag_s
    FROM feed_minutes m
    WHERE m.feed = c.feed AND m.minute >= CAST(:since AS timestamptz)
    GROUP BY 1
) m
WHERE c.feed IS NOT NULL
ORDER BY c.feed, m.at
