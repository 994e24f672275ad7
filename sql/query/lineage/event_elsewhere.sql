-- Other sources that sent an event of this id.
SELECT s.source
FROM sources s
JOIN event_identities i USING (source_id)
WHERE i.event_id = :event_id AND s.source <> :source
ORDER BY s.source
LIMIT 5
