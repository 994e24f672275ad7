-- Means of a run, a row a node and in it a number a period.
SELECT array_agg(yhat ORDER BY ds)
FROM forecasts
WHERE forecast_run_id = :forecast_run_id
GROUP BY node_id
ORDER BY node_id
