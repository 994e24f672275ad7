-- One node's published forecast by day.
SELECT f.ds, f.yhat, f.q025, f.q10, f.q20, f.q25, f.q30, f.q40, f.q50, f.q60, f.q70, f.q75, f.q80, f.q90, f.q975
FROM published_forecast p
JOIN forecasts f USING (forecast_run_id)
WHERE f.node_id = :node_id
ORDER BY f.ds
