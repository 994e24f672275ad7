-- Who of the people that sign in may be told who a customer is.

CREATE TABLE personal_rights (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    integer NOT NULL REFERENCES users,
    given      boolean NOT NULL,
    changed_by text NOT NULL,
    reason     text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE personal_rights IS 'Who was given the right to see who customers are, or lost it, by whom and why: the newest row of a user rules, and without a row nobody may. Append-only.';
COMMENT ON COLUMN personal_rights.given IS 'true: may from now on; false: may not any more';
COMMENT ON COLUMN personal_rights.changed_by IS 'system user of the command line that changed it';
COMMENT ON INDEX personal_rights_pkey IS 'Serves the log of changes, the newest first.';
CREATE INDEX personal_rights_user ON personal_rights (user_id, change_id DESC);
COMMENT ON INDEX personal_rights_user IS 'Serves open_sessions: the newest change of a user.';
CREATE TRIGGER personal_rights_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON personal_rights
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- people give it on the command line, as the owner: no part of the service can
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['personal_rights']);

CREATE OR REPLACE VIEW open_sessions AS
SELECT s.session_hash, u.username, u.role, s.created_at, s.expires_at,
       coalesce((SELECT p.given FROM personal_rights p WHERE p.user_id = u.user_id ORDER BY p.change_id DESC LIMIT 1), false)
           AS personal
FROM sessions s
JOIN users u USING (user_id)
WHERE s.ended_at IS NULL AND u.disabled_at IS NULL;
COMMENT ON VIEW open_sessions IS 'Sessions that nobody ended, of users that are not disabled, with the role that the user has now, and whether they may see who customers are; some may have expired.';

-- People who may see who a customer is also find one by the id that they were told.
ALTER TABLE customer_accesses DROP CONSTRAINT customer_accesses_action_check;
ALTER TABLE customer_accesses ADD CONSTRAINT customer_accesses_action_check CHECK (action IN ('resolve', 'find', 'erase'));
COMMENT ON TABLE customer_accesses IS 'Who resolved a pseudonym to the id behind it, found the pseudonym of an id, or erased a customer, when and why. Append-only; it holds no id.';
