-- The error that a run expects, per level.
SELECT level, max(value) AS expected_wape
FROM forecast_errors
WHERE forecast_run_id = :forecast_run_id AND metric = 'wape' AND model <> 'seasonal_naive'
GROUP BY level
