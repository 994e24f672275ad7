-- What was refused under an identity, the newest first.
SELECT reject_id, reason, field, message, state, last_seen_at
FROM rejects_now
WHERE source = :source AND event_id = :event_id
ORDER BY reject_id DESC
LIMIT 20
