-- Refused input by feed and reason, with the newest message.
SELECT feed, reason, sum(times_seen)::bigint AS seen, max(last_seen_at) AS last_seen_at,
       (array_agg(message ORDER BY last_seen_at DESC))[1] AS newest_message, count(*) OVER ()::int AS found
FROM rejects
GROUP BY feed, reason
ORDER BY seen DESC
LIMIT :limit
