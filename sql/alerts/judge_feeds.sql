-- Judge feeds by the rules of time: silent too long, refused too much. Gives a row where a rule says open, or has an
-- alert open. How often a feed sends is what its key promises, or its own rhythm; one whose key has ended is expected
-- no more.
-- Feeds count by the minute, so silence counts from the end of the last minute that was heard.
WITH RECURSIVE counted AS (
    -- the distinct feeds, one probe of the primary key each
    (SELECT feed FROM feed_minutes ORDER BY feed LIMIT 1)
    UNION ALL
    SELECT (SELECT m.feed FROM feed_minutes m WHERE m.feed > c.feed ORDER BY m.feed LIMIT 1)
    FROM counted c
    WHERE c.feed IS NOT NULL
),
known AS (
    SELECT feed FROM counted WHERE feed IS NOT NULL
    UNION
    SELECT name FROM access_keys WHERE expect_every_s IS NOT NULL
    UNION
    SELECT feed FROM alerts WHERE closed_at IS NULL AND feed IS NOT NULL
),
feed AS (
    SELECT n.feed, r.gap_milli, r.first_minute, k.expect_every_s, k.created_at,
           coalesce(k.revoked_at IS NOT NULL OR k.expires_at <= now(), false) AS ended,
           a.opened_at AS silent_from, a.limit_milli AS silent_limit_then
    FROM known n
    LEFT JOIN feed_rhythms r USING (feed)
    LEFT JOIN access_keys k ON k.name = n.feed
    LEFT JOIN alerts a ON a.rule = 'silent_feed' AND a.subject = n.feed AND a.closed_at IS NULL
),
heard AS (
    SELECT f.*, last.minute AS last_minute, recent.refused, recent.total
    FROM feed f
    LEFT JOIN LATERAL (
        SELECT minute FROM feed_minutes m WHERE m.feed = f.feed ORDER BY minute DESC LIMIT 1
    ) last ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(rejected::bigint + conflict), 0) AS refused,
               coalesce(sum(accepted::bigint + duplicate + conflict + rejected), 0) AS total
        FROM feed_minutes m
        WHERE m.feed = f.feed AND m.minute > now() - make_interval(mins => :storm_minutes)
    ) recent
),
measured AS (
    SELECT feed, ended, refused, total, silent_limit_then,
           last_minute + INTERVAL '1 minute' > silent_from AS heard_since,
           greatest(0, round(extract(epoch FROM now()
               - coalesce(last_minute + INTERVAL '1 minute', created_at)) * 1000))::bigint AS silent_milli,
           CASE
               WHEN ended THEN NULL
               WHEN expect_every_s IS NOT NULL THEN expect_every_s * 1000::bigint
               WHEN last_minute - first_minute >= make_interval(secs => 3600 * CAST(:history_h AS float8))
                   THEN greatest(CAST(:silent_milli_min AS bigint), round(gap_milli * :silent_factor)::bigint)
           END AS silent_limit,
           round(1000.0 * refused / greatest(total, 1))::bigint AS refused_milli,
           CAST(:storm_milli AS bigint) AS storm_limit
    FROM heard
)
SELECT v.rule, CAST(NULL AS int) AS product_id, CAST(NULL AS int) AS location_id, m.feed,
       coalesce(v.opens, false) AS opens, coalesce(v.closes, false) AS closes, v.value_milli, v.limit_milli
FROM measured m
CROSS JOIN LATERAL (VALUES
    ('silent_feed', m.silent_milli > m.silent_limit,
     m.ended OR CASE WHEN m.silent_limit IS NULL THEN m.heard_since ELSE m.silent_milli <= m.silent_limit END,
     m.silent_milli, coalesce(m.silent_limit, m.silent_limit_then, 0)),
    ('reject_storm', m.refused >= :storm_count AND m.refused_milli >= m.storm_limit,
     m.refused * 2 < :storm_count OR m.refused_milli * 2 < m.storm_limit, m.refused_milli, m.storm_limit)
) AS v (rule, opens, closes, value_milli, limit_milli)
WHERE v.opens OR EXISTS (
    SELECT FROM alerts a WHERE a.rule = v.rule AND a.subject = m.feed AND a.closed_at IS NULL
)
