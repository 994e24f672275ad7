-- Every feed: when it last sent, how long it may be silent, and its open alerts. All of them, as many as there are
-- keys and sources of files: a page shows the worst, and catalog.feeds decides which those are.
SELECT s.feed, s.last_minute, h.newest_event, h.accepted, h.duplicate, h.conflict, h.rejected, s.ended, s.silent_s,
       silent_limit_s(s.ended, s.expected_s, s.gap_s, s.known_for_s, CAST(:silent_s_min AS float8),
                      CAST(:silent_factor AS float8), CAST(:history_h AS float8)) AS silent_limit_s,
       a.rules AS firing, a.since AS firing_since
FROM feed_silence s
LEFT JOIN LATERAL (
    SELECT max(newest_occurred_at) AS newest_event, coalesce(sum(accepted), 0)::bigint AS accepted,
           coalesce(sum(duplicate), 0)::bigint AS duplicate, coalesce(sum(conflict), 0)::bigint AS conflict,
           coalesce(sum(rejected), 0)::bigint AS rejected
    FROM feed_minutes m
    WHERE m.feed = s.feed AND m.minute > now() - INTERVAL '1 hour'
) h ON true
LEFT JOIN LATERAL (
    SELECT array_agg(rule ORDER BY rule) AS rules, min(opened_at) AS since
    FROM alerts
    WHERE alerts.feed = s.feed AND closed_at IS NULL
) a ON true
ORDER BY s.feed
