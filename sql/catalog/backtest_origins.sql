-- The published run's backtest, origin by origin: errors per level of what was chosen and of seasonal naive.
SELECT s.origin, s.level, s.level_name, s.candidate, s.metric, s.value
FROM published_forecast p
JOIN forecast_scores s USING (forecast_run_id)
WHERE s.candidate IN ('chosen', 'seasonal_naive') AND s.metric = ANY(CAST(:metrics AS text[]))
  AND s.demand_class = 'all' AND s.value IS NOT NULL
ORDER BY s.origin, s.level, s.candidate
