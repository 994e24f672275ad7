-- The reject that was seen last; one row, empty if nothing was ever refused.
SELECT last.last_seen_at, last.reason, last.feed
FROM (SELECT 1) one
LEFT JOIN LATERAL (
    SELECT last_seen_at, reason, feed FROM rejects_now ORDER BY last_seen_at DESC, reject_id DESC LIMIT 1
) last ON true
