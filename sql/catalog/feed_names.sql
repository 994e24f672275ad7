-- The names of all feeds that were ever heard or are expected, in the order of the alphabet.
WITH RECURSIVE counted AS (
    (SELECT feed FROM feed_minutes ORDER BY feed LIMIT 1)
    UNION ALL
    SELECT (SELECT m.feed FROM feed_minutes m WHERE m.feed > c.feed ORDER BY m.feed LIMIT 1)
    FROM counted c
    WHERE c.feed IS NOT NULL
)
SELECT feed FROM counted WHERE feed IS NOT NULL
UNION
SELECT name FROM access_keys WHERE expect_every_s IS NOT NULL AND revoked_at IS NULL
ORDER BY feed
