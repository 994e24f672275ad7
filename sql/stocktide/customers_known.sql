-- The pseudonyms of customers, with the place of each in the question, and whether the row outlives this transaction.
-- Binds: $1 what they are found by.
SELECT t.place::int, c.pseudonym, c.xmin::text IS DISTINCT FROM pg_current_xact_id_if_assigned()::xid::text
FROM unnest($1::bytea[]) WITH ORDINALITY AS t (id_index, place)
JOIN customers c ON c.id_index = t.id_index
