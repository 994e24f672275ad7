-- End the rows in force whose id comes with another content. What replaces a row knows since when: the old one ends
-- then, or at once where the new one is as old.
UPDATE {table} AS old
SET withdrawn_at = greatest(old.known_since, new.known_since), withdrawn_by = :by
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new ({id} text, content_hash text, known_since timestamptz)
WHERE old.{id} = new.{id} AND old.withdrawn_at IS NULL AND old.content_hash <> new.content_hash
