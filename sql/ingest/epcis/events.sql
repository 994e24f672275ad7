-- Captured events that meet the conditions, a page of them. Conditions and order are written by ingest.epcis.query.query.
SELECT event_no, identity, declares_error, CAST(event AS text) AS event, context, record_time, event_time
FROM epcis_events
WHERE {conditions}
ORDER BY {order}
LIMIT :count
