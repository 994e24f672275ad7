-- The backtest of some runs: each candidate's error per level, mean over origins, classes together.
SELECT forecast_run_id, level, level_name, candidate, metric, avg(value) AS value, count(*)::int AS origins
FROM forecast_scores
WHERE forecast_run_id = ANY(CAST(:runs AS bigint[])) AND metric = ANY(CAST(:metrics AS text[]))
  AND demand_class = 'all' AND value IS NOT NULL
GROUP BY forecast_run_id, level, level_name, candidate, metric
ORDER BY forecast_run_id, level, candidate
