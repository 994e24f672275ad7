-- The nodes of a run, in the order of its arrays.
SELECT level_name, unique_id FROM forecast_nodes WHERE forecast_run_id = :forecast_run_id ORDER BY node_id
