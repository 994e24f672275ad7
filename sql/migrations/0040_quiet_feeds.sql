-- A source that sends nothing and whose sender is alive is quiet, not silent: its key tells, where the key is for this
-- source alone.

CREATE OR REPLACE FUNCTION feed_completeness(at timestamptz, days integer)
    RETURNS TABLE (source text, day date, state text, events bigint, expected double precision)
    LANGUAGE sql STABLE AS $$
    WITH hours AS (
        SELECT hour, n::int AS n FROM unnest(ARRAY[0, 1, 3, 6, 12, 24, 48, 72, 168]) WITH ORDINALITY AS h (hour, n)
    ),
    -- days of imports, which came long after, teach nothing
    taught AS (
        SELECT *
        FROM feed_days f
        WHERE f.ends_at < at - INTERVAL '8 days' AND 2 * f.arrived[cardinality(f.arrived)] >= f.events AND f.events > 0
    ),
    learnt AS (
        SELECT t.source_id, h.hour, sum(t.arrived[h.n])::float8 / sum(t.events)::float8 AS share, count(*) AS days
        FROM taught t, hours h
        GROUP BY t.source_id, h.hour
    ),
    usual AS (
        SELECT t.source_id, extract(isodow FROM t.day) AS weekday, avg(t.events)::float8 AS events FROM taught t GROUP BY 1, 2
    ),
    newest AS (
        SELECT DISTINCT ON (f.source_id) f.source_id, f.day, f.ends_at,
               max(f.last_recorded_at) OVER (PARTITION BY f.source_id) AS heard_at
        FROM feed_days f
        ORDER BY f.source_id, f.day DESC
    ),
    -- a key that is for one source alone is that source's sender: whatever it asked for, it is alive
    beats AS (
        SELECT s.source_id, max(k.last_used_at) AS beat_at
        FROM access_keys k
        JOIN sources s ON s.source = k.sources[1] COLLATE "C"
        WHERE k.scope = 'ingest' AND cardinality(k.sources) = 1
        GROUP BY s.source_id
    ),
    -- each day of a source that was heard of lately, those too of which nothing has come
    judged AS (
        SELECT n.source_id, c.day::date AS day, coalesce(f.ends_at, n.ends_at + (c.day - n.day)) AS ends_at,
               coalesce(f.events, 0) AS events, n.heard_at
        FROM newest n
        CROSS JOIN LATERAL generate_series(n.day + 1 - days, greatest(n.day, (at - (n.ends_at - n.day))::date), INTERVAL '1 day') c (day)
        LEFT JOIN feed_days f ON f.source_id = n.source_id AND f.day = c.day
        WHERE n.heard_at > at - INTERVAL '1 day' * days
    ),
    known AS (
        SELECT s.source, j.day, j.ends_at, j.events, j.heard_at, b.beat_at, coalesce(l.days, 0) AS learnt, l.share,
               coalesce(j.events / nullif(CASE WHEN j.events > 0 THEN l.share END, 0), u.events) AS expected, u.events AS usual
        FROM judged j
        JOIN sources s USING (source_id)
        LEFT JOIN beats b USING (source_id)
        LEFT JOIN LATERAL (
            SELECT l.share, l.days FROM learnt l
            WHERE l.source_id = j.source_id AND l.hour <= extract(epoch FROM at - j.ends_at) / 3600
            ORDER BY l.hour DESC
            LIMIT 1
        ) l ON true
        LEFT JOIN usual u ON u.source_id = j.source_id AND u.weekday = extract(isodow FROM j.day)
    ),
    stated AS (
        SELECT k.*,
               CASE WHEN at < k.ends_at THEN 'open'
                    WHEN k.learnt < 7 THEN 'learning'
                    WHEN k.heard_at < k.ends_at AND at > k.ends_at + INTERVAL '1 day'
                        THEN CASE WHEN k.beat_at >= k.ends_at THEN 'quiet' ELSE 'silent' END
                    -- what is missing from here on changes no figure that anybody reads
                    WHEN k.share >= 0.995 AND (k.events > 0 OR k.usual IS NULL) THEN 'final'
                    ELSE 'arriving' END AS state
        FROM known k
    )
    SELECT s.source, s.day, s.state, s.events,
           CASE WHEN s.state = 'learning' THEN NULL WHEN s.state IN ('final', 'quiet') THEN s.events ELSE s.expected END
    FROM stated s
    ORDER BY s.day DESC, s.source
$$;
COMMENT ON FUNCTION feed_completeness IS 'How much of each of the last days has come from each source, judged by the hours that its events took on the days before: open (not over), learning (too little is known), silent (nothing came since it ended, for a day), quiet (the same, but the source''s own key was used since), arriving (a part is still to come) or final; and how many events it will have.';
