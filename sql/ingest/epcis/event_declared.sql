-- The event that a declaration is for: of the same eventID, or with the same content and no eventID of its own.
SELECT event_no, identity, movement_state, movements, feed
FROM epcis_events
WHERE NOT declares_error AND (identity = :identity OR identity = :event_hash)
ORDER BY identity = :identity DESC
LIMIT 1
