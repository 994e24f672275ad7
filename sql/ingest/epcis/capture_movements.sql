-- What the events of a capture moved, as people read it, the refused first; at most so many rows as a page shows.
SELECT identity AS "eventID", declares_error AS "errorDeclaration", movement_state AS state, movement_note AS note,
       movements
FROM epcis_events
WHERE capture_id = CAST(:capture_id AS uuid)
ORDER BY movement_state IN ('rejected', 'partial') DESC, event_no
LIMIT :count
