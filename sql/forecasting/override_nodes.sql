-- Nodes of a run with their keys, in the order of its arrays.
SELECT node_id, level, parent_id, keys FROM forecast_nodes WHERE forecast_run_id = :forecast_run_id ORDER BY node_id
