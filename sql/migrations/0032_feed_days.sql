-- What each source sent of its last days, and how long it took: how much of a day has come is judged by it.

CREATE TABLE feed_days (
    source_id        integer NOT NULL REFERENCES sources,
    day              date NOT NULL,
    ends_at          timestamptz NOT NULL,
    events           bigint NOT NULL CHECK (events >= 0),
    arrived          bigint[] NOT NULL,
    last_recorded_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, day)
);
COMMENT ON TABLE feed_days IS 'What each source sent of its last days, from the lake''s feeds_days.';
COMMENT ON COLUMN feed_days.ends_at IS 'when the day ended at the last of its locations';
COMMENT ON COLUMN feed_days.arrived IS 'events that had been recorded by so many hours after the end of the day: 0, 1, 3, 6, 12, 24, 48, 72, 168';
COMMENT ON INDEX feed_days_pkey IS 'Serves catalog/completeness: the days of each source.';

CREATE FUNCTION feed_completeness(at timestamptz, days integer)
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
        SELECT s.source, j.day, j.ends_at, j.events, j.heard_at, coalesce(l.days, 0) AS learnt, l.share,
               coalesce(j.events / nullif(CASE WHEN j.events > 0 THEN l.share END, 0), u.events) AS expected, u.events AS usual
        FROM judged j
        JOIN sources s USING (source_id)
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
                    WHEN k.heard_at < k.ends_at AND at > k.ends_at + INTERVAL '1 day' THEN 'silent'
                    -- what is missing from here on changes no figure that anybody reads
                    WHEN k.share >= 0.995 AND (k.events > 0 OR k.usual IS NULL) THEN 'final'
                    ELSE 'arriving' END AS state
        FROM known k
    )
    SELECT s.source, s.day, s.state, s.events,
           CASE s.state WHEN 'learning' THEN NULL WHEN 'final' THEN s.events ELSE s.expected END
    FROM stated s
    ORDER BY s.day DESC, s.source
$$;
COMMENT ON FUNCTION feed_completeness IS 'How much of each of the last days has come from each source, judged by the hours that its events took on the days before: open (not over), learning (too little is known), silent (nothing came since it ended, for a day), arriving (a part is still to come) or final; and how many events it will have.';
GRANT SELECT ON feed_days TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['feed_days']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, DELETE', ARRAY['feed_days']);
