-- Names of all nodes of the published forecast, for suggesting the nearest to a wrong one.
SELECT n.unique_id
FROM published_forecast p
JOIN forecast_nodes n USING (forecast_run_id)
ORDER BY n.level, n.node_id
