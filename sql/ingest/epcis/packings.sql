-- What was packed into containers and taken out of them, in the order in which it happened. Declared wrong, it was not.
SELECT parent_id, event_time, action, CAST(event AS text) AS event
FROM epcis_events
WHERE event_type = 'AggregationEvent' AND action IN ('ADD', 'DELETE')
  AND parent_id = ANY(CAST(:parents AS text[]))
  AND NOT declares_error AND movement_state <> 'withdrawn'
ORDER BY event_time, event_no
LIMIT :count
