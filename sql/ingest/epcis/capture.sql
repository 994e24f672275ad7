-- One capture job, of one feed or of any.
SELECT capture_id, created_at, finished_at, success, error_behaviour, events, duplicates, errors
FROM epcis_captures
WHERE capture_id = CAST(:capture_id AS uuid) AND (CAST(:feed AS text) IS NULL OR feed = :feed)
