-- One node's published forecast by period: from first_day to ds, which are the same where it is daily.
SELECT f.ds, coalesce(lag(f.ds) OVER (ORDER BY f.ds), r.cutoff) + 1 AS first_day,
       f.yhat, f.q025, f.q10, f.q20, f.q25, f.q30, f.q40, f.q50, f.q60, f.q70, f.q75, f.q80, f.q90, f.q975
FROM published_forecast p
JOIN forecast_runs r USING (forecast_run_id)
JOIN forecasts f USING (forecast_run_id)
WHERE f.node_id = :node_id
ORDER BY f.ds
