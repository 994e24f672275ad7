-- The newest entries of the ledger. The minutes in which feeds sent show how far back to look, since no index
-- orders the ledger by when it was recorded.
WITH RECURSIVE counted AS (
    (SELECT feed FROM feed_minutes ORDER BY feed LIMIT 1)
    UNION ALL
    SELECT (SELECT m.feed FROM feed_minutes m WHERE m.feed > c.feed ORDER BY m.feed LIMIT 1)
    FROM counted c
    WHERE c.feed IS NOT NULL
),
heard AS (
    SELECT m.minute, sum(sum(m.accepted)) OVER (ORDER BY m.minute DESC) AS events
    FROM counted c
    CROSS JOIN LATERAL (
        SELECT minute, accepted FROM feed_minutes f
        WHERE f.feed = c.feed AND f.accepted > 0 ORDER BY minute DESC LIMIT 200
    ) m
    GROUP BY m.minute
),
start AS (
    SELECT coalesce(max(minute) FILTER (WHERE events >= :limit), min(minute)) AS minute FROM heard
),
newest AS (
    -- a minute is counted when it commits, which may be in the one after
    SELECT l.*
    FROM ledger l
    WHERE l.recorded_at >= (SELECT minute - INTERVAL '1 minute' FROM start) AND l.leg = 0
    ORDER BY l.recorded_at DESC, l.entry_id DESC
    LIMIT :limit
)
SELECT s.source, n.event_id, CASE WHEN n.corrects IS NULL THEN n.kind ELSE (SELECT kind FROM event_kinds WHERE corrects) END AS kind,
       p.sku AS product, o.code AS location, (n.quantity_milli / 1000.0)::float8 AS moved,
       (n.observed_milli / 1000.0)::float8 AS observed, n.occurred_at, n.recorded_at,
       extract(epoch FROM n.recorded_at - n.occurred_at)::float8 AS lag_s
FROM newest n
JOIN sources s USING (source_id)
JOIN products p USING (product_id)
JOIN locations o USING (location_id)
ORDER BY n.recorded_at DESC, n.entry_id DESC
