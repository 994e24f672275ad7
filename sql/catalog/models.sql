-- The versions, newest first, with their runs' results; kept: can still be published.
SELECT m.version, m.status, m.created_at, m.cutoff, m.score, m.champion_score, m.margin, m.decided_at, m.decided_by,
       m.reason, m.mlflow_run_id, m.forecast_run_id, m.forecast_run_id IS NOT NULL AND r.pruned_at IS NULL AS kept,
       r.method, r.lake_version, r.choice, coalesce(r.frequency, 'D') AS frequency,
       r.horizon_days, coalesce(r.horizon, r.horizon_days) AS horizon, (r.detail->>'nodes')::int AS nodes, c.coverage_80,
       (SELECT replaced FROM forecast_decisions d WHERE d.version = m.version AND d.action = 'promote'
        ORDER BY decision_id DESC LIMIT 1) AS replaced,
       (SELECT sum(f.yhat) / r.horizon_days FROM forecast_nodes n JOIN forecasts f USING (forecast_run_id, node_id)
        WHERE n.forecast_run_id = r.forecast_run_id AND n.level = 0) AS units_a_day,
       extract(epoch FROM j.finished_at - j.started_at)::float8 AS seconds
FROM forecast_models m
LEFT JOIN forecast_runs r USING (forecast_run_id)
LEFT JOIN runs j USING (run_id)
LEFT JOIN LATERAL (
    SELECT avg(value) AS coverage_80 FROM forecast_errors e
    WHERE e.forecast_run_id = m.forecast_run_id AND e.metric = 'coverage_80'
) c ON true
ORDER BY m.version DESC
LIMIT :limit
