-- When alerts of feeds were open since an instant, carried in from before it.
SELECT feed, rule, opened_at, closed_at
FROM alerts
WHERE feed IS NOT NULL AND (closed_at IS NULL OR closed_at >= CAST(:since AS timestamptz))
ORDER BY feed, opened_at
LIMIT 1000
