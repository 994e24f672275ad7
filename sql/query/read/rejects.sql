-- Refused input, without what was in it.
SELECT reject_id, feed, source, reason, field, state, times_seen, first_seen_at, last_seen_at
FROM rejects
