-- Begin a capture job.
INSERT INTO epcis_captures (capture_id, feed, error_behaviour, header)
VALUES (CAST(:capture_id AS uuid), :feed, :error_behaviour, CAST(:header AS json))
