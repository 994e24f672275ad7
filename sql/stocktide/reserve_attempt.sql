-- Count an attempt before its password is checked, unless there were too many wrong ones since the last right one; the
-- caller holds the lock of this user name, so that nobody counts at the same time. Gives the attempt, or the seconds to
-- wait.
WITH since AS (
    SELECT greatest(now() - make_interval(secs => :window_s), max(at) FILTER (WHERE outcome = 'right')) AS at
    FROM sign_in_attempts
    WHERE username = :username AND at > now() - make_interval(secs => :window_s)
),
wrong AS (
    SELECT count(*) AS found, min(a.at) AS first_at
    FROM sign_in_attempts a, since
    WHERE a.username = :username AND a.at > since.at AND a.outcome <> 'right'
),
made AS (
    INSERT INTO sign_in_attempts (username, address)
    SELECT :username, :address FROM wrong WHERE found < :wrong_max
    RETURNING attempt_id
)
SELECT (SELECT attempt_id FROM made) AS attempt_id,
       ceil(extract(epoch FROM wrong.first_at - now()) + :window_s)::int AS wait_s
FROM wrong
