-- Joint sample paths of one node of the published forecast, (paths, days), from the day after the cutoff on.
SELECT p.units
FROM published_forecast f
JOIN forecast_paths p USING (forecast_run_id)
WHERE p.node_id = :node_id
