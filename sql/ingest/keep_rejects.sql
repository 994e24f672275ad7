-- Keep input that could not be recorded; the same bytes for the same reason are one row that counts.
INSERT INTO rejects AS r (feed, reason, field, message, source, event_id, content_type, raw, raw_hash)
SELECT DISTINCT ON (raw_hash, reason) :feed, reason, field, message, source, event_id, :content_type, raw, raw_hash
FROM (
    SELECT reason, field, message, source, event_id, raw, sha256(raw) AS raw_hash
    FROM unnest(CAST(:reason AS text[]), CAST(:field AS text[]), CAST(:message AS text[]), CAST(:source AS text[]),
                CAST(:event_id AS text[]), CAST(:raw AS bytea[])) AS t (reason, field, message, source, event_id, raw)
) hashed
ORDER BY raw_hash, reason
ON CONFLICT (raw_hash, reason, feed) DO UPDATE SET times_seen = r.times_seen + 1, last_seen_at = now()
