-- How much of each of the last :days days has come from each source at :now, judged by how its events came on the days
-- before: the share that had come by so many hours after a day's end. Days of imports, which came long after, teach nothing.
WITH hours AS (
    SELECT hour, n::int AS n FROM unnest(CAST(:hours AS int[])) WITH ORDINALITY AS h (hour, n)
),
taught AS (
    SELECT *
    FROM feed_days
    WHERE ends_at < CAST(:now AS timestamptz) - INTERVAL '8 days' AND 2 * arrived[cardinality(arrived)] >= events AND events > 0
),
learnt AS (
    SELECT t.source_id, h.hour, sum(t.arrived[h.n])::float8 / sum(t.events)::float8 AS share, count(*) AS days
    FROM taught t, hours h
    GROUP BY t.source_id, h.hour
),
usual AS (
    SELECT source_id, extract(isodow FROM day) AS weekday, avg(events)::float8 AS events FROM taught GROUP BY 1, 2
),
newest AS (
    SELECT DISTINCT ON (source_id) source_id, day, ends_at,
           max(last_recorded_at) OVER (PARTITION BY source_id) AS heard_at
    FROM feed_days
    ORDER BY source_id, day DESC
),
days AS (
    SELECT n.source_id, c.day::date AS day, coalesce(f.ends_at, n.ends_at + (c.day - n.day)) AS ends_at,
           coalesce(f.events, 0) AS events, n.heard_at
    FROM newest n
    CROSS JOIN LATERAL generate_series(n.day + 1 - CAST(:days AS int),
                                       greatest(n.day, (CAST(:now AS timestamptz) - (n.ends_at - n.day))::date), INTERVAL '1 day') c (day)
    LEFT JOIN feed_days f ON f.source_id = n.source_id AND f.day = c.day
    WHERE n.heard_at > CAST(:now AS timestamptz) - INTERVAL '1 day' * CAST(:days AS int)
)
SELECT s.source, d.day, d.ends_at, d.events, d.heard_at, coalesce(l.days, 0) AS days_learnt, l.share, u.events AS usual_events
FROM days d
JOIN sources s USING (source_id)
LEFT JOIN LATERAL (
    SELECT share, days FROM learnt
    WHERE learnt.source_id = d.source_id AND hour <= extract(epoch FROM CAST(:now AS timestamptz) - d.ends_at) / 3600
    ORDER BY hour DESC
    LIMIT 1
) l ON true
LEFT JOIN usual u ON u.source_id = d.source_id AND u.weekday = extract(isodow FROM d.day)
ORDER BY d.day DESC, s.source
