-- Which forecast is in force: its run and the transaction that wrote its overrides last (null: there are none). An answer
-- that was kept of another is not given.
SELECT p.forecast_run_id, (SELECT a.xmin::text FROM adjusted_forecasts a LIMIT 1) AS overridden_by
FROM published_forecast p
