-- Begin a session of a user; one that was disabled meanwhile gets none.
INSERT INTO sessions (session_hash, user_id, address, expires_at)
SELECT :session_hash, user_id, :address, now() + make_interval(secs => :session_s)
FROM users
WHERE username = :username AND disabled_at IS NULL
RETURNING session_hash
