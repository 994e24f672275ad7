-- End the open sessions of a user, or one of them.
UPDATE sessions s
SET ended_at = now()
FROM users u
WHERE s.user_id = u.user_id AND s.ended_at IS NULL
  AND (CAST(:username AS text) IS NULL OR u.username = :username)
  AND (CAST(:session_hash AS bytea) IS NULL OR s.session_hash = :session_hash)
