-- The rejects desk: what was mended, replayed or dropped, by whom and why. What came stays as it came: raw, reason,
-- field and message are those of its arrival, and what a replay found stands beside them.
ALTER TABLE rejects
    ADD COLUMN state             text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'dropped')),
    ADD COLUMN mended            bytea,
    ADD COLUMN retried_reason    text,
    ADD COLUMN retried_field     text,
    ADD COLUMN retried_message   text,
    ADD COLUMN replayed_at       timestamptz,
    ADD COLUMN settled_by        text,
    ADD COLUMN outcome           text CHECK (outcome IN ('accepted', 'duplicate', 'conflict', 'rejected')),
    ADD COLUMN replayed_source   text,
    ADD COLUMN replayed_event_id text;
COMMENT ON COLUMN rejects.mended IS 'what was replayed last, where it is not raw: the next replay starts from it';
COMMENT ON COLUMN rejects.retried_reason IS 'why the last replay failed; NULL: none did';
COMMENT ON COLUMN rejects.settled_by IS 'who replayed or dropped it last';
COMMENT ON COLUMN rejects.outcome IS 'of the last replay; replayed_source and replayed_event_id name its event';

-- Serves the desk's lists and groups, and the search for what a replay takes.
CREATE INDEX rejects_open ON rejects (reject_id) WHERE state = 'open';
-- Serve the look-up of an event: what was refused under its identity, and what it was mended from.
CREATE INDEX rejects_event ON rejects (source, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX rejects_replayed ON rejects (replayed_source, replayed_event_id) WHERE replayed_event_id IS NOT NULL;

-- Rejects without what was sent, which may hold personal data; reason, field and message are those of now.
CREATE VIEW rejects_now AS
SELECT reject_id, feed,
       coalesce(retried_reason, reason) AS reason,
       CASE WHEN retried_reason IS NULL THEN field ELSE retried_field END AS field,
       CASE WHEN retried_reason IS NULL THEN message ELSE retried_message END AS message,
       source, event_id, content_type, times_seen, first_seen_at, last_seen_at, state, outcome, replayed_at, settled_by,
       replayed_source, replayed_event_id, mended IS NOT NULL AS is_mended
FROM rejects;

-- Who did what with a reject, in order. Append-only.
CREATE TABLE reject_actions (
    action_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reject_id     bigint NOT NULL REFERENCES rejects,
    action        text NOT NULL CHECK (action IN ('replay', 'mend', 'drop')),
    by            text NOT NULL,
    reason        text NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    sent          bytea,
    outcome       text,
    fault_reason  text,
    fault_message text
);
COMMENT ON COLUMN reject_actions.sent IS 'what was replayed, where it is not what came';
-- Serves the history of one reject.
CREATE INDEX reject_actions_reject ON reject_actions (reject_id, action_id);

CREATE FUNCTION refuse_reject_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of rejects is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER reject_actions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reject_actions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_reject_history_change();

-- The dashboard reads no payload by itself: it asks the API, for whoever may see it.
REVOKE SELECT ON rejects FROM stocktide_reader;
GRANT SELECT (reject_id, feed, reason, field, message, source, event_id, content_type, times_seen, first_seen_at,
              last_seen_at, state, outcome, replayed_at, settled_by, replayed_source, replayed_event_id) ON rejects
    TO stocktide_reader;
GRANT SELECT (action_id, reject_id, action, by, reason, at, outcome, fault_reason, fault_message) ON reject_actions
    TO stocktide_reader;
-- Keys as operators may see them: never their hashes.
GRANT SELECT (key_id, name, scope, created_at, last_used_at, revoked_at, kinds, locations, rate, expires_at,
              expect_every_s) ON access_keys
    TO stocktide_reader;
GRANT SELECT ON rejects_now TO stocktide_reader;
