-- Learn each feed's pauses of four weeks again. The second longest counts: what happened twice (nights, Sundays) is the
-- feed's way, what happened once may have been an outage. A feed with fewer than two pauses has no rhythm yet. One that
-- is silent keeps what was known of it, for its own minutes leave the four weeks one by one.
WITH silent AS (
    SELECT feed FROM alerts WHERE rule = 'silent_feed' AND closed_at IS NULL
),
heard AS (
    SELECT feed, minute, minute - lag(minute) OVER (PARTITION BY feed ORDER BY minute) AS gap
    FROM feed_minutes
    WHERE minute > now() - INTERVAL '28 days' AND feed NOT IN (SELECT feed FROM silent)
),
ranked AS (
    SELECT feed, gap, min(minute) OVER (PARTITION BY feed) AS first_minute,
           row_number() OVER (PARTITION BY feed ORDER BY gap DESC NULLS LAST) AS place
    FROM heard
),
learned AS (
    INSERT INTO feed_rhythms (feed, gap_milli, first_minute)
    SELECT feed, round(extract(epoch FROM gap) * 1000)::bigint, first_minute
    FROM ranked
    WHERE place = 2 AND gap IS NOT NULL
    ORDER BY feed
    ON CONFLICT (feed) DO UPDATE
    SET gap_milli = excluded.gap_milli, first_minute = excluded.first_minute, learned_at = now()
    RETURNING feed
)
DELETE FROM feed_rhythms WHERE feed NOT IN (SELECT feed FROM learned UNION SELECT feed FROM silent)
