-- The rhythm of the champion's run; judged periods are of this rhythm alone.
SELECT r.frequency
FROM forecast_models m
JOIN forecast_runs r USING (forecast_run_id)
WHERE m.status = 'champion'
