-- When a feed counts as silent: one rule for the alerts, the pages and whoever lists feeds.

CREATE FUNCTION silent_limit_s(
    ended boolean, expected_s float8, gap_s float8, known_for_s float8, limit_s_min float8, factor float8, history_h float8
) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN ended THEN NULL
        WHEN expected_s IS NOT NULL THEN expected_s
        WHEN known_for_s >= 3600 * history_h THEN greatest(limit_s_min, gap_s * factor)
    END
$$;
COMMENT ON FUNCTION silent_limit_s IS 'how long a feed may be silent, seconds: what its key promises, else its own rhythm once that is known; null: nobody knows, or its key has ended';

-- A feed is one that was heard, or is expected by a key that has not ended, or has an alert open.
CREATE VIEW feed_silence AS
WITH RECURSIVE counted AS (
    -- the distinct feeds, one probe of the primary key each
    (SELECT feed FROM feed_minutes ORDER BY feed LIMIT 1)
    UNION ALL
    SELECT (SELECT m.feed FROM feed_minutes m WHERE m.feed > c.feed ORDER BY m.feed LIMIT 1)
    FROM counted c
    WHERE c.feed IS NOT NULL
),
key AS (
    SELECT name, expect_every_s, created_at, revoked_at IS NOT NULL OR coalesce(expires_at <= now(), false) AS ended
    FROM access_keys
),
known AS (
    SELECT feed FROM counted WHERE feed IS NOT NULL
    UNION
    SELECT name FROM key WHERE expect_every_s IS NOT NULL AND NOT ended
    UNION
    SELECT feed FROM alerts WHERE closed_at IS NULL AND feed IS NOT NULL
)
SELECT n.feed,
       coalesce(k.ended, false) AS ended,
       last.minute AS last_minute,
       -- feeds count by the minute: silence counts from the end of the last one that was heard, or from the key's making
       greatest(0, extract(epoch FROM now() - coalesce(last.minute + INTERVAL '1 minute', k.created_at)))::float8 AS silent_s,
       k.expect_every_s::float8 AS expected_s,
       r.gap_milli / 1000.0::float8 AS gap_s,
       extract(epoch FROM last.minute - r.first_minute)::float8 AS known_for_s
FROM known n
LEFT JOIN key k ON k.name = n.feed
LEFT JOIN feed_rhythms r ON r.feed = n.feed
LEFT JOIN LATERAL (
    SELECT minute FROM feed_minutes m WHERE m.feed = n.feed ORDER BY minute DESC LIMIT 1
) last ON true;
COMMENT ON VIEW feed_silence IS 'every feed: whether its key has ended, when it was last heard, and what silent_limit_s needs';
COMMENT ON COLUMN feed_silence.ended IS 'its key was revoked or has expired: it is expected no more';
COMMENT ON COLUMN feed_silence.silent_s IS 'seconds since it was last heard, or since its key was made';
COMMENT ON COLUMN feed_silence.expected_s IS 'how often its key promises that it sends';
COMMENT ON COLUMN feed_silence.gap_s IS 'the second longest silence of the last four weeks';
COMMENT ON COLUMN feed_silence.known_for_s IS 'from its first minute of the last four weeks to its last';
GRANT SELECT ON feed_silence TO stocktide_reader;
