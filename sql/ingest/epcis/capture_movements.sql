-- What the events of a capture moved, the refused first; at most so many rows as a page shows.
SELECT identity, declares_error, movement_state, movement_note, movements
FROM epcis_events
WHERE capture_id = CAST(:capture_id AS uuid)
ORDER BY movement_state IN ('rejected', 'partial') DESC, event_no
LIMIT :count
