-- Judge feeds by the rules of time: silent too long, refused too much. Gives a row where a rule says open, or has an
-- alert open. When a feed is silent, the view feed_silence says. feeds: these only, or all.
WITH heard AS (
    SELECT f.*, a.opened_at AS silent_from, a.limit_milli AS silent_limit_then, recent.refused, recent.total
    FROM feed_silence f
    LEFT JOIN alerts a ON a.rule = 'silent_feed' AND a.subject = f.feed AND a.closed_at IS NULL
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(rejected::bigint + conflict), 0) AS refused,
               coalesce(sum(accepted::bigint + duplicate + conflict + rejected), 0) AS total
        FROM feed_minutes m
        WHERE m.feed = f.feed AND m.minute > now() - make_interval(mins => :storm_minutes)
    ) recent
    WHERE CAST(:feeds AS text[]) IS NULL OR f.feed = ANY (CAST(:feeds AS text[]))
),
measured AS (
    SELECT feed, ended, refused, total, silent_limit_then,
           last_minute + INTERVAL '1 minute' > silent_from AS heard_since,
           round(silent_s * 1000)::bigint AS silent_milli,
           round(1000 * silent_limit_s(ended, expected_s, gap_s, known_for_s, CAST(:silent_milli_min AS float8) / 1000,
                                       CAST(:silent_factor AS float8), CAST(:history_h AS float8)))::bigint AS silent_limit,
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
