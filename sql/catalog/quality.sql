-- What each rule of quality found last, and how many failed at each of its last 30 checks, the oldest first.
WITH numbered AS (
    SELECT *, row_number() OVER (PARTITION BY rule ORDER BY checked_at DESC) AS back
    FROM quality_checks
)
SELECT n.rule, n.what, n.severity, n.rows, n.failed, n.since, n.checked_at, n.sample, t.trend
FROM numbered n
JOIN (SELECT rule, array_agg(failed ORDER BY checked_at) AS trend FROM numbered WHERE back <= 30 GROUP BY rule) t USING (rule)
WHERE n.back = 1
ORDER BY array_position(ARRAY['error', 'warning', 'notice'], n.severity), n.failed DESC, n.rule
