-- The people that sign in, by name.
SELECT username, role, personal, disabled_at, signed_in_at, created_at
FROM people
ORDER BY username
