-- Joint sample paths of one node of the published forecast, (paths, periods), from the first one after the cutoff on.
SELECT p.units, (SELECT array_agg(ds ORDER BY ds) FROM forecasts d
                 WHERE d.forecast_run_id = f.forecast_run_id AND d.node_id = p.node_id) AS ds
FROM published_forecast f
JOIN forecast_paths p USING (forecast_run_id)
WHERE p.node_id = :node_id
