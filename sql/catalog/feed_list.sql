-- Every feed that was ever heard or is expected: when it was heard, how long it may be silent, what of it is alerted.
-- All of them, as many as there are keys and sources of files: a page shows the worst, and which those are is judged
-- in one place, catalog.feeds. The distinct feeds are one probe of the primary key each.
WITH RECURSIVE counted AS (
    (SELECT feed FROM feed_minutes ORDER BY feed LIMIT 1)
    UNION ALL
    SELECT (SELECT m.feed FROM feed_minutes m WHERE m.feed > c.feed ORDER BY m.feed LIMIT 1)
    FROM counted c
    WHERE c.feed IS NOT NULL
),
known AS (
    SELECT feed FROM counted WHERE feed IS NOT NULL
    UNION
    SELECT name FROM access_keys WHERE expect_every_s IS NOT NULL AND revoked_at IS NULL
)
SELECT n.feed, last.minute AS last_minute, h.newest_event, h.accepted, h.duplicate, h.conflict, h.rejected,
       coalesce(k.revoked_at IS NOT NULL OR k.expires_at <= now(), false) AS ended,
       CASE WHEN k.revoked_at IS NOT NULL OR k.expires_at <= now() THEN NULL
            WHEN k.expect_every_s IS NOT NULL THEN k.expect_every_s::float8
            WHEN last.minute - r.first_minute >= make_interval(secs => 3600 * CAST(:history_h AS float8))
                THEN greatest(CAST(:silent_s_min AS float8), r.gap_milli / 1000.0 * CAST(:silent_factor AS float8))
       END AS silent_limit_s,
       a.rules AS firing, a.since AS firing_since
FROM known n
LEFT JOIN feed_rhythms r USING (feed)
LEFT JOIN access_keys k ON k.name = n.feed
LEFT JOIN LATERAL (
    SELECT minute FROM feed_minutes m WHERE m.feed = n.feed ORDER BY minute DESC LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT max(newest_occurred_at) AS newest_event, coalesce(sum(accepted), 0)::bigint AS accepted,
           coalesce(sum(duplicate), 0)::bigint AS duplicate, coalesce(sum(conflict), 0)::bigint AS conflict,
           coalesce(sum(rejected), 0)::bigint AS rejected
    FROM feed_minutes m
    WHERE m.feed = n.feed AND m.minute > now() - INTERVAL '1 hour'
) h ON true
LEFT JOIN LATERAL (
    SELECT array_agg(rule ORDER BY rule) AS rules, min(opened_at) AS since
    FROM alerts
    WHERE alerts.feed = n.feed AND closed_at IS NULL
) a ON true
ORDER BY n.feed
