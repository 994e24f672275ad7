-- The event that reverses an entry, and the event that an entry reverses, which stands at the same pair and time.
SELECT 'corrected_by' AS link, s.source, c.event_id AS id, c.recorded_at
FROM corrections c
JOIN sources s USING (source_id)
WHERE c.corrected_entry_id = :entry_id
UNION ALL
SELECT 'corrects', s.source, l.event_id, l.recorded_at
FROM ledger l
JOIN sources s USING (source_id)
WHERE l.product_id = :product_id AND l.location_id = :location_id AND l.occurred_at = :occurred_at
  AND l.entry_id = CAST(:corrects AS bigint)
