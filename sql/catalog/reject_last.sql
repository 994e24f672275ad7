-- How many rejects are open and closed, the number of the newest, and the last one of all.
SELECT (SELECT count(*) FROM rejects WHERE state = 'open')::bigint AS open,
       (SELECT max(reject_id) FROM rejects) AS newest_id,
       last.last_seen_at, last.reason, last.feed
FROM (SELECT 1) one
LEFT JOIN LATERAL (
    SELECT last_seen_at, reason, feed FROM rejects_now ORDER BY reject_id DESC LIMIT 1
) last ON true
