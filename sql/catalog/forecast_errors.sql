-- Error of the published run on the days held out, per level and model.
SELECT e.level, e.level_name, e.model, e.metric, e.value
FROM published_forecast p
JOIN forecast_errors e USING (forecast_run_id)
ORDER BY e.level, e.model, e.metric
