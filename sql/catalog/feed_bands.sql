-- Usual rates of each feed, and of all together (no feed): the 2.5 % and 97.5 % quantiles of events a minute in each
-- hour of the day, over up to 28 whole days; hours without events count as 0. No rows before 7 days.
WITH hourly AS (
    SELECT feed, date_trunc('hour', minute) AS hour, sum(accepted + duplicate + conflict + rejected)::bigint AS events
    FROM feed_minutes
    WHERE minute >= date_trunc('day', now()) - INTERVAL '28 days' AND minute < date_trunc('day', now())
    GROUP BY 1, 2
),
every AS (
    SELECT feed, hour, events FROM hourly
    UNION ALL
    SELECT NULL, hour, sum(events) FROM hourly GROUP BY hour
),
heard AS (
    SELECT feed, min(hour) AS first_hour FROM every GROUP BY feed
),
whole AS (
    SELECT h.feed, at.hour, coalesce(e.events, 0) AS events
    FROM heard h
    CROSS JOIN LATERAL generate_series(date_trunc('day', h.first_hour) + INTERVAL '1 day',
                                       date_trunc('day', now()) - INTERVAL '1 hour', INTERVAL '1 hour') AS at (hour)
    LEFT JOIN every e ON e.feed IS NOT DISTINCT FROM h.feed AND e.hour = at.hour
)
SELECT feed, extract(hour FROM hour AT TIME ZONE 'UTC')::int AS hour_of_day, count(*)::int AS days,
       percentile_cont(0.025) WITHIN GROUP (ORDER BY events) / 60 AS low,
       percentile_cont(0.975) WITHIN GROUP (ORDER BY events) / 60 AS high
FROM whole
GROUP BY feed, hour_of_day
HAVING count(*) >= 7
ORDER BY feed, hour_of_day
