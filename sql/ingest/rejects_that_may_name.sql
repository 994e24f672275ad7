-- Rejects in which some bytes stand, in what came or in what was tried instead, with all of that.
SELECT r.reject_id, p.payloads
FROM rejects r
CROSS JOIN LATERAL (
    SELECT array_agg(payload) AS payloads
    FROM (SELECT r.raw UNION ALL SELECT r.mended UNION ALL SELECT a.sent FROM reject_actions a WHERE a.reject_id = r.reject_id)
        AS t (payload)
    WHERE payload IS NOT NULL
) p
WHERE EXISTS (
    SELECT FROM unnest(p.payloads) payload, unnest(CAST(:patterns AS bytea[])) pattern
    WHERE position(pattern IN payload) > 0
)
