-- What was sold at one node of the published forecast, by period (ds: its last day); periods without a row sold nothing.
SELECT a.ds, a.y
FROM published_forecast p
JOIN forecast_actuals a USING (forecast_run_id)
JOIN forecast_runs r USING (forecast_run_id)
WHERE a.node_id = :node_id AND a.ds > r.cutoff - CAST(:days AS int)
ORDER BY a.ds
