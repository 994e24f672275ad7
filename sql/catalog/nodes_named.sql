-- Nodes of the published forecast that a text names: by unique id, or by level and unique id.
SELECT n.node_id, n.level_name, n.unique_id, n.label
FROM published_forecast p
JOIN forecast_nodes n USING (forecast_run_id)
WHERE n.unique_id = :name OR n.level_name || '/' || n.unique_id = :name
   OR replace(n.level_name, ' ', '') || '/' || n.unique_id = :name
ORDER BY n.level, n.node_id
LIMIT 20
