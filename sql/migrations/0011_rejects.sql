-- A drop can be taken back, and one that its sender repeats after all is seen.
ALTER TABLE reject_actions DROP CONSTRAINT reject_actions_action_check;
ALTER TABLE reject_actions ADD CONSTRAINT reject_actions_action_check
    CHECK (action IN ('replay', 'mend', 'drop', 'reopen'));

-- sent_again_at: when it came once more after it was settled. The history is asked only where that is read.
CREATE OR REPLACE VIEW rejects_now AS
SELECT reject_id, feed,
       coalesce(retried_reason, reason) AS reason,
       CASE WHEN retried_reason IS NULL THEN field ELSE retried_field END AS field,
       CASE WHEN retried_reason IS NULL THEN message ELSE retried_message END AS message,
       source, event_id, content_type, times_seen, first_seen_at, last_seen_at, state, outcome, replayed_at, settled_by,
       replayed_source, replayed_event_id, mended IS NOT NULL AS is_mended,
       CASE WHEN state <> 'open'
             AND last_seen_at > (SELECT max(at) FROM reject_actions a WHERE a.reject_id = r.reject_id)
            THEN last_seen_at END AS sent_again_at
FROM rejects r;

-- A file that a mapping read is known by its content and that mapping: by a mended one it is read anew.
ALTER TABLE watched_files
    DROP CONSTRAINT watched_files_pkey,
    ADD COLUMN mapping_sha256 bytea NOT NULL DEFAULT '' CHECK (length(mapping_sha256) IN (0, 32)),
    ADD PRIMARY KEY (sha256, mapping_sha256);
COMMENT ON COLUMN watched_files.mapping_sha256 IS 'of the mapping that read it; empty: none did';
