-- Readers see the new run from this commit on.
INSERT INTO published_forecast (forecast_run_id, published_at)
VALUES (:forecast_run_id, now())
ON CONFLICT (only_row) DO UPDATE
SET forecast_run_id = excluded.forecast_run_id, published_at = excluded.published_at
