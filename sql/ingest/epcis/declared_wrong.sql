-- Which of these identities were declared wrong already, by their eventID or, without one, by their content, and by
-- which feed.
SELECT identity, feed
FROM epcis_events
WHERE declares_error AND identity = ANY(CAST(:identities AS text[]))
UNION
SELECT event_hash, feed
FROM epcis_events
WHERE declares_error AND event_hash = ANY(CAST(:identities AS text[]))
