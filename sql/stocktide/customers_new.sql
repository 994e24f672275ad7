-- Make customers that nobody has made yet, and return those. They come ordered, so that two writers wait in line instead of in a ring.
-- Binds: $1 pseudonyms, $2 what they are found by, $3 wrapped keys, $4 encrypted fields, $5 the mark of the key.
INSERT INTO customers (pseudonym, id_index, wrapped_key, fields, key_mark)
SELECT pseudonym, id_index, wrapped_key, fields, $5
FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[]) AS t (pseudonym, id_index, wrapped_key, fields)
ON CONFLICT (id_index) DO NOTHING
RETURNING id_index, pseudonym
