-- Forget files of a query that made room for newer ones.
UPDATE query_exports SET file = NULL WHERE query_id = :query_id AND file = ANY (CAST(:files AS text[]))
