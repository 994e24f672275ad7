-- How far each stage has come; the strip under every page's title.
SELECT (SELECT max(newest_occurred_at) FROM feed_minutes) AS newest_event,
       (SELECT max(minute) FROM feed_minutes) AS last_received,
       (SELECT recorded_through FROM lake_versions WHERE table_name = 'movements') AS lake_through,
       (SELECT updated_at FROM lake_versions WHERE table_name = 'movements') AS lake_updated_at,
       p.forecast_run_id, p.published_at, r.cutoff, r.method
FROM (SELECT 1) one
LEFT JOIN published_forecast p ON true
LEFT JOIN forecast_runs r USING (forecast_run_id)
