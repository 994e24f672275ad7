-- Note that a user may, or may not any more, see who customers are; without such a user nothing.
INSERT INTO personal_rights (user_id, given, changed_by, reason)
SELECT user_id, :given, :by, :reason FROM users WHERE username = :username
RETURNING change_id
