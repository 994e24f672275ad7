-- Runs whose days may go: not published, not among the newest that were ever published, and not the newest of all.
SELECT r.forecast_run_id
FROM forecast_runs r
WHERE r.pruned_at IS NULL
  AND r.forecast_run_id NOT IN (SELECT forecast_run_id FROM published_forecast)
  AND r.forecast_run_id <> (SELECT max(forecast_run_id) FROM forecast_runs)
  AND r.forecast_run_id NOT IN (
      SELECT forecast_run_id FROM forecast_models
      WHERE status IN ('champion', 'retired') AND forecast_run_id IS NOT NULL
      ORDER BY decided_at DESC, version DESC
      LIMIT :kept)
