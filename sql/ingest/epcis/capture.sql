-- One capture job, of one feed or of any, in the words of the standard.
SELECT capture_id AS "captureID", created_at AS "createdAt", finished_at AS "finishedAt",
       finished_at IS NULL AS running, success, error_behaviour AS "captureErrorBehaviour", errors, events, duplicates
FROM epcis_captures
WHERE capture_id = CAST(:capture_id AS uuid) AND (CAST(:feed AS text) IS NULL OR feed = :feed)
