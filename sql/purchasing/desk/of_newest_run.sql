-- Which of some lines are of the newest run.
SELECT line_id FROM order_lines
WHERE line_id = ANY(CAST(:ids AS bigint[])) AND order_run_id = (SELECT max(order_run_id) FROM order_runs)
