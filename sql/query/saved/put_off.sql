-- Note when a query is due next; an export that fails is not tried again before.
UPDATE saved_queries SET due_at = :due_at WHERE query_id = :query_id AND due_at IS NOT NULL
