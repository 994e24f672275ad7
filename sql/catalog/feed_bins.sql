-- Outcomes of some feeds in pieces of ten minutes, and how old its newest event was when the piece ended.
SELECT c.feed, m.at, m.accepted, m.duplicate, m.conflict, m.rejected, m.lag_s
FROM unnest(CAST(:feeds AS text[])) AS c (feed)
CROSS JOIN LATERAL (
    SELECT date_bin(INTERVAL '10 minutes', minute, TIMESTAMPTZ '2000-01-01 00:00:00Z') AS at,
           sum(accepted)::bigint AS accepted, sum(duplicate)::bigint AS duplicate, sum(conflict)::bigint AS conflict,
           sum(rejected)::bigint AS rejected,
           min(greatest(0, extract(epoch FROM minute + INTERVAL '1 minute' - newest_occurred_at)))::float8 AS lag_s
    FROM feed_minutes m
    WHERE m.feed = c.feed AND m.minute >= CAST(:since AS timestamptz)
    GROUP BY 1
) m
ORDER BY c.feed, m.at
