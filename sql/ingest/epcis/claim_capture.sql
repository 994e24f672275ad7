-- Take up the events of one capture whose movements are not made yet, those that wait longest first.
UPDATE epcis_events
SET claimed_at = clock_timestamp()
WHERE event_no IN (
    SELECT event_no
    FROM epcis_events
    WHERE capture_id = CAST(:capture_id AS uuid) AND movement_state = 'pending'
    ORDER BY claimed_at NULLS FIRST, event_no
    LIMIT :count
    FOR UPDATE SKIP LOCKED)
RETURNING event_no, identity, declares_error, event_hash, feed, CAST(event AS text) AS event, context, event_type, biz_step, disposition,
          action, movements
