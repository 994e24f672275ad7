-- Capture jobs, newest first, of one feed or of all.
SELECT capture_id, created_at, finished_at, success, error_behaviour, events, duplicates, errors
FROM epcis_captures
WHERE (CAST(:feed AS text) IS NULL OR feed = :feed)
  AND (CAST(:before AS timestamptz) IS NULL
       OR (created_at, capture_id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))
ORDER BY created_at DESC, capture_id DESC
LIMIT :count
