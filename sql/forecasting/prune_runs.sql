-- Heads, errors and scores stay longer than days, for comparing; then they go too, by cascade.
DELETE FROM forecast_runs
WHERE forecast_run_id NOT IN (SELECT forecast_run_id FROM forecast_runs ORDER BY forecast_run_id DESC LIMIT :heads_kept)
  AND pruned_at IS NOT NULL
