-- The champion, with its backtest's choice.
SELECT m.version, m.forecast_run_id, m.cutoff, m.score, r.choice
FROM forecast_models m
LEFT JOIN forecast_runs r USING (forecast_run_id)
WHERE m.status = 'champion'
