-- Sign-ins: who tried, and who is signed in now.

CREATE TABLE sessions (
    session_hash bytea PRIMARY KEY,
    user_id      int NOT NULL REFERENCES users,
    address      text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
COMMENT ON TABLE sessions IS 'Sign-ins of people, by the SHA-256 of the text in their cookie. Signing out, a new password and disabling the user end them.';
COMMENT ON INDEX sessions_pkey IS 'Serves stocktide/open_session';
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
COMMENT ON INDEX sessions_of_user IS 'Serves stocktide/end_sessions';

CREATE VIEW open_sessions AS
SELECT s.session_hash, u.username, u.role, s.created_at, s.expires_at
FROM sessions s
JOIN users u USING (user_id)
WHERE s.ended_at IS NULL AND u.disabled_at IS NULL;
COMMENT ON VIEW open_sessions IS 'Sessions that nobody ended, of users that are not disabled, with the role that the user has now; some may have expired.';
GRANT SELECT ON open_sessions TO stocktide_reader;

CREATE TABLE sign_in_attempts (
    attempt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username   text NOT NULL,
    address    text,
    outcome    text NOT NULL DEFAULT 'pending' CHECK (outcome IN ('pending', 'right', 'wrong')),
    at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sign_in_attempts IS 'Each password that was tried, counted before it is checked: pending ones count as wrong, so that many at once are no more guesses.';
COMMENT ON INDEX sign_in_attempts_pkey IS 'Serves stocktide/note_attempt';
CREATE INDEX sign_in_attempts_of_user ON sign_in_attempts (username, at);
COMMENT ON INDEX sign_in_attempts_of_user IS 'Serves stocktide/reserve_attempt';

CREATE FUNCTION end_sessions_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET ended_at = now() WHERE user_id = NEW.user_id AND ended_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER users_end_sessions AFTER UPDATE OF password_hash, disabled_at ON users
FOR EACH ROW EXECUTE FUNCTION end_sessions_of_user();

-- The history of rejects goes with rejects that are settled and old, by maintenance alone.
CREATE OR REPLACE FUNCTION refuse_reject_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('stocktide.retention', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the history of rejects is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
ALTER TABLE reject_actions DROP CONSTRAINT reject_actions_reject_id_fkey;
ALTER TABLE reject_actions ADD CONSTRAINT reject_actions_reject_id_fkey
    FOREIGN KEY (reject_id) REFERENCES rejects ON DELETE CASCADE;
