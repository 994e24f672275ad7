-- The entries that identities have, with the place of each in the question. Binds: $1 sources, $2 events.
SELECT t.place::int, i.entry_id
FROM unnest($1::int[], $2::text[]) WITH ORDINALITY AS t (source_id, event_id, place)
JOIN event_identities i USING (source_id, event_id)
