-- Remove a query of its owner's, and the record of its exports.
DELETE FROM saved_queries
WHERE query_id = :query_id AND owner = :owner
RETURNING query_id
