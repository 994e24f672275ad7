-- What a run forecast for one day, node by node.
SELECT n.level, n.level_name, n.keys, f.yhat
FROM forecast_nodes n
JOIN forecasts f USING (forecast_run_id, node_id)
WHERE n.forecast_run_id = :forecast_run_id AND f.ds = :day
