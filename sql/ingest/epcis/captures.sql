-- Capture jobs, newest first, of one feed or of all, in the words of the standard.
SELECT capture_id AS "captureID", created_at AS "createdAt", finished_at AS "finishedAt",
       finished_at IS NULL AS running, success, error_behaviour AS "captureErrorBehaviour", errors, events, duplicates
FROM epcis_captures
WHERE (CAST(:feed AS text) IS NULL OR feed = :feed)
  AND (CAST(:before AS timestamptz) IS NULL
       OR (created_at, capture_id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))
ORDER BY created_at DESC, capture_id DESC
LIMIT :count
