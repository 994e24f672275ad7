-- Refused input by feed, reason and field: how many rejects, how often they were sent, and when last.
-- parameter state text: open, replayed or dropped; all of them where left out
SELECT feed, reason, field, state, count(*) AS rejects, sum(times_seen) AS attempts, max(last_seen_at) AS last_seen_at
FROM rejects
WHERE $state IS NULL OR state = $state
GROUP BY feed, reason, field, state
ORDER BY attempts DESC, feed, reason, field, state
