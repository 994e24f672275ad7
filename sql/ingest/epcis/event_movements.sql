-- What one event moved, and its declaration.
SELECT identity, declares_error, movement_state, movement_note, movements
FROM epcis_events
WHERE identity = :identity
ORDER BY declares_error
