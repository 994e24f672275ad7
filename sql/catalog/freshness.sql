-- How far each stage has come; the strip under every page's title. A run killed long ago is not shown as running.
SELECT (SELECT max(newest_occurred_at) FROM feed_minutes) AS newest_event,
       (SELECT max(minute) FROM feed_minutes) AS last_received,
       (SELECT recorded_through FROM lake_versions WHERE table_name = 'movements') AS lake_through,
       (SELECT updated_at FROM lake_versions WHERE table_name = 'movements') AS lake_updated_at,
       (SELECT count(*) FROM held_pairs) AS pairs_held_out,
       (SELECT count(*) FROM alert_faults) AS alerts_not_judged,
       p.forecast_run_id, p.published_at, r.cutoff, r.method, n.progress
FROM (SELECT 1) one
LEFT JOIN published_forecast p ON true
LEFT JOIN forecast_runs r USING (forecast_run_id)
LEFT JOIN LATERAL (
    SELECT coalesce(detail->'progress', '{}') AS progress
    FROM runs
    WHERE job = 'forecast' AND status = 'running' AND started_at > now() - interval '6 hours'
    ORDER BY run_id DESC
    LIMIT 1
) n ON true
