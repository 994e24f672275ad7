-- Record what came of an export.
UPDATE query_exports
SET finished_at = now(), file = :file, rows = :rows, bytes = :bytes, error = :error
WHERE export_id = :export_id
