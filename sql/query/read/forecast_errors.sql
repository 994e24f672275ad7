-- Errors of the published forecast's methods in its backtest, by level of the hierarchy.
SELECT e.level_name AS level, e.model AS method, e.metric, e.value, e.forecast_run_id
FROM published_forecast p
JOIN forecast_errors e USING (forecast_run_id)
