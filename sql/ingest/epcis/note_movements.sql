-- Note what the movements of events became.
UPDATE epcis_events e
SET movement_state = t.movement_state, movement_note = t.movement_note, movements = t.movements, claimed_at = NULL,
    settled_at = clock_timestamp()
FROM json_to_recordset(CAST(:rows AS json)) AS t (
    event_no bigint, movement_state text, movement_note text, movements jsonb)
WHERE e.event_no = t.event_no
