-- Put events whose movements were refused back in the queue, in part or whole: their products may be known by now.
-- Those tried longest ago come first, so that each call goes on where the last one ended.
UPDATE epcis_events
SET movement_state = 'pending', claimed_at = NULL
WHERE event_no IN (
    SELECT event_no
    FROM epcis_events
    WHERE movement_state IN ('rejected', 'partial')
    ORDER BY settled_at NULLS FIRST, event_no
    LIMIT :count
    FOR UPDATE SKIP LOCKED)
