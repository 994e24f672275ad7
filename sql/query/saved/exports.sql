-- The newest exports of a query. query_exports_of serves it.
SELECT export_id, started_at, finished_at, file, rows, bytes, error
FROM query_exports
WHERE query_id = :query_id
ORDER BY export_id DESC
LIMIT :limit
