-- The published forecast: its version, its data, and when its run began to read the plans.
SELECT m.version, r.forecast_run_id, r.cutoff, r.frequency, coalesce(r.horizon, r.horizon_days) AS horizon,
       r.lake_version, r.hierarchy AS levels, coalesce(u.started_at, r.created_at) AS made_at
FROM published_forecast p
JOIN forecast_runs r USING (forecast_run_id)
LEFT JOIN runs u USING (run_id)
LEFT JOIN forecast_models m USING (forecast_run_id)
