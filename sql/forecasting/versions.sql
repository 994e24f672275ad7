-- The versions, newest first; kept: its days are still there, so that it can be published.
SELECT m.version, m.status, m.created_at, m.cutoff, m.score, m.champion_score, m.margin, m.decided_at, m.decided_by,
       m.reason, m.forecast_run_id, m.mlflow_run_id,
       m.forecast_run_id IS NOT NULL AND r.pruned_at IS NULL AS kept
FROM forecast_models m
LEFT JOIN forecast_runs r USING (forecast_run_id)
WHERE CAST(:version AS bigint) IS NULL OR m.version = :version
ORDER BY m.version DESC
LIMIT :limit
