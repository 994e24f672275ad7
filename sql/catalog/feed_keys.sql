-- Keys, never their text. found: how many there are.
SELECT name, scope, kinds, locations, rate, expect_every_s, created_at, last_used_at, expires_at, revoked_at,
       count(*) OVER ()::bigint AS found
FROM access_keys
ORDER BY revoked_at IS NOT NULL, last_used_at DESC NULLS LAST, name
LIMIT 200
