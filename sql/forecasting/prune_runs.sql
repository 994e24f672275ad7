-- Keep the newest runs; rows of the older ones go by cascade.
DELETE FROM forecast_runs
WHERE forecast_run_id NOT IN (SELECT forecast_run_id FROM forecast_runs ORDER BY forecast_run_id DESC LIMIT :kept)
  AND forecast_run_id NOT IN (SELECT forecast_run_id FROM published_forecast)
