-- One event by its identity; where it was declared wrong, the declaration, which holds the whole event too.
SELECT identity, CAST(event AS text) AS event, context, record_time
FROM epcis_events
WHERE identity = :identity
ORDER BY declares_error DESC
LIMIT 1
