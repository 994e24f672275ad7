-- Take a file by its content and the mapping that reads it. A row comes back where it is to be recorded: it is new, was
-- not finished, or failed.
INSERT INTO watched_files AS known (sha256, mapping_sha256, name, bytes, state)
VALUES (:sha256, :mapping_sha256, :name, :bytes, 'taken')
ON CONFLICT (sha256, mapping_sha256) DO UPDATE
SET name = excluded.name, state = 'taken', report = '{}', started_at = now(), finished_at = NULL
WHERE known.state IN ('taken', 'failed')
RETURNING state
