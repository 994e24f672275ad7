-- End a capture job with what became of it.
UPDATE epcis_captures
SET finished_at = clock_timestamp(), success = :success, events = :events, duplicates = :duplicates,
    errors = CAST(:errors AS jsonb)
WHERE capture_id = CAST(:capture_id AS uuid)
