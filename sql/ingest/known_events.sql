-- Which events of a source are recorded, and when they happened. Binds: :source, :ids.
SELECT i.event_id, i.occurred_at
FROM event_identities i
JOIN sources s USING (source_id)
WHERE s.source = :source AND i.event_id = ANY(:ids)
