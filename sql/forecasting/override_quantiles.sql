-- Quantiles of some nodes of a run, node by node and period by period.
SELECT q025, q10, q20, q25, q30, q40, q50, q60, q70, q75, q80, q90, q975
FROM forecasts
WHERE forecast_run_id = :forecast_run_id AND node_id = ANY(CAST(:nodes AS int[]))
ORDER BY node_id, ds
