-- What was refused under an identity, and what was fixed into it.
SELECT reject_id, reason, field, message, times_seen, first_seen_at, last_seen_at, state, outcome, replayed_at,
       coalesce(replayed_source = :source AND replayed_event_id = :event_id AND state = 'replayed', false)
           AS became_this_event
FROM rejects_now
WHERE (source = :source AND event_id = :event_id) OR (replayed_source = :source AND replayed_event_id = :event_id)
ORDER BY reject_id
LIMIT 100
