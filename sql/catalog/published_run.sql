-- The published run, its version in the registry, what its backtest chose, the days of sources that were not final when it
-- was made, and how many days of unusual demand wait.
SELECT r.forecast_run_id, r.created_at, r.cutoff, r.horizon_days, r.frequency,
       coalesce(r.horizon, r.horizon_days) AS horizon, r.one_day, r.method, r.lake_version, r.hierarchy,
       r.mlflow_run_id, p.published_at, m.version, m.decided_by, m.reason, r.choice,
       coalesce(r.detail->'not_final', '[]') AS not_final_days,
       (SELECT count(*) FROM unusual_days WHERE state = 'open')::int AS unusual_days
FROM published_forecast p
JOIN forecast_runs r USING (forecast_run_id)
LEFT JOIN forecast_models m USING (forecast_run_id)
