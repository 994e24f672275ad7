-- Who is signed in by the text with this hash.
SELECT username, role, personal FROM open_sessions WHERE session_hash = :session_hash AND expires_at > now()
