-- Events whose movements were reversed: those that had been refused are not tried again.
UPDATE epcis_events
SET movement_state = 'withdrawn'
WHERE event_no = ANY(CAST(:event_nos AS bigint[])) AND movement_state <> 'pending'
