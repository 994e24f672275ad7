-- Take a row back. known_since may lie within this transaction.
UPDATE {table}
SET withdrawn_at = greatest(known_since, now()), withdrawn_by = :by
WHERE {id} = :id AND withdrawn_at IS NULL
