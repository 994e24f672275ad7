-- What was sold at some nodes of the published forecast together, by period (ds: its last day); periods without a row
-- sold nothing.
SELECT a.ds, sum(a.y) AS y
FROM published_forecast p
JOIN forecast_actuals a USING (forecast_run_id)
JOIN forecast_runs r USING (forecast_run_id)
WHERE a.node_id = ANY(CAST(:nodes AS int[])) AND a.ds > r.cutoff - CAST(:days AS int)
GROUP BY a.ds
ORDER BY a.ds
