-- Times at which alerts of feeds were open since an instant, those opened before it included; of very many the newest.
SELECT feed, rule, opened_at, closed_at
FROM alerts
WHERE feed IS NOT NULL AND (CAST(:feed AS text) IS NULL OR feed = :feed)
  AND (closed_at IS NULL OR closed_at >= CAST(:since AS timestamptz))
ORDER BY opened_at DESC, alert_id DESC
LIMIT 5000
