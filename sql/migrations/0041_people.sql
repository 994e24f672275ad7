-- The people that sign in, as an operator looks at them: nothing that anybody could sign in with.

CREATE VIEW people AS
SELECT u.username, u.role, u.created_at, u.disabled_at,
       coalesce((SELECT p.given FROM personal_rights p WHERE p.user_id = u.user_id ORDER BY p.change_id DESC LIMIT 1), false)
           AS personal,
       (SELECT max(s.created_at) FROM sessions s WHERE s.user_id = u.user_id) AS signed_in_at
FROM users u;
COMMENT ON VIEW people IS 'People that sign in, without anything to sign in with: role, whether they may see who customers are, whether they are disabled, and their last sign-in of those that are kept.';
COMMENT ON COLUMN people.personal IS 'true: may see who customers are';
COMMENT ON COLUMN people.signed_in_at IS 'last sign-in; null: none, or none that is kept';
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['people']);
SELECT grant_to_part('stocktide_reader', 'SELECT', ARRAY['people']);
