-- Claim the entries that corrections reverse; one that is reversed already is missing from the answer.
-- Binds: $1 entries, $2 sources, $3 events.
INSERT INTO corrections (corrected_entry_id, source_id, event_id)
SELECT entry_id, source_id, event_id
FROM unnest($1::bigint[], $2::int[], $3::text[]) AS t (entry_id, source_id, event_id)
ORDER BY entry_id
ON CONFLICT DO NOTHING
RETURNING corrected_entry_id
