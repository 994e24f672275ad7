-- Take a plan back. known_since may lie within this transaction.
UPDATE {table}
SET withdrawn_at = greatest(known_since, now()), withdrawn_by = :by
WHERE plan = :plan AND withdrawn_at IS NULL
