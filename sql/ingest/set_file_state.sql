-- Write down how far a content of a watched folder has come.
UPDATE watched_files
SET state = :state, report = CAST(:report AS jsonb),
    finished_at = CASE WHEN :state IN ('done', 'failed') THEN now() END
WHERE sha256 = :sha256 AND mapping_sha256 = :mapping_sha256
