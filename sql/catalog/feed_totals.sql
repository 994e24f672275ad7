-- Outcomes of all feeds together in pieces of ten minutes.
WITH RECURSIVE counted AS (
    (SELECT feed FROM feed_minutes ORDER BY feed LIMIT 1)
    UNION ALL
    SELECT (SELECT m.feed FROM feed_minutes m WHERE m.feed > c.feed ORDER BY m.feed LIMIT 1)
    FROM counted c
    WHERE c.feed IS NOT NULL
)
SELECT m.at, sum(m.accepted)::bigint AS accepted, sum(m.duplicate)::bigint AS duplicate,
       sum(m.conflict)::bigint AS conflict, sum(m.rejected)::bigint AS rejected
FROM counted c
CROSS JOIN LATERAL (
    SELECT date_bin(INTERVAL '10 minutes', minute, TIMESTAMPTZ '2000-01-01 00:00:00Z') AS at,
           sum(accepted) AS accepted, sum(duplicate) AS duplicate, sum(conflict) AS conflict, sum(rejected) AS rejected
    FROM feed_minutes f
    WHERE f.feed = c.feed AND f.minute >= CAST(:since AS timestamptz)
    GROUP BY 1
) m
WHERE c.feed IS NOT NULL
GROUP BY m.at
ORDER BY m.at
