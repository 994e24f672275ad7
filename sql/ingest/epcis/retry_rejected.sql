-- Put events whose movements were refused back in the queue, in part or whole: their products may be known by now.
UPDATE epcis_events
SET movement_state = 'pending', claimed_at = NULL
WHERE movement_state IN ('rejected', 'partial')
