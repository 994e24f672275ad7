-- Record an export that begins.
INSERT INTO query_exports (query_id) VALUES (:query_id) RETURNING export_id
