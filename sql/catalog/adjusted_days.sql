-- The forecast of some nodes together with the overrides in it, by period, as node_forecast; no row where no override
-- reaches any of them.
SELECT f.ds, coalesce(lag(f.ds) OVER (ORDER BY f.ds), min(r.cutoff)) + 1 AS first_day, sum(coalesce(a.yhat, f.yhat)) AS yhat,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q025, f.q025)) END AS q025,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q10, f.q10)) END AS q10,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q20, f.q20)) END AS q20,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q25, f.q25)) END AS q25,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q30, f.q30)) END AS q30,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q40, f.q40)) END AS q40,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q50, f.q50)) END AS q50,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q60, f.q60)) END AS q60,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q70, f.q70)) END AS q70,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q75, f.q75)) END AS q75,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q80, f.q80)) END AS q80,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q90, f.q90)) END AS q90,
       CASE WHEN count(*) = 1 THEN min(coalesce(a.q975, f.q975)) END AS q975
FROM published_forecast p
JOIN forecast_runs r USING (forecast_run_id)
JOIN forecasts f USING (forecast_run_id)
LEFT JOIN adjusted_forecasts a USING (forecast_run_id, node_id, ds)
WHERE f.node_id = ANY(CAST(:nodes AS int[]))
  AND EXISTS (SELECT FROM adjusted_forecasts x
              WHERE x.forecast_run_id = p.forecast_run_id AND x.node_id = ANY(CAST(:nodes AS int[])))
GROUP BY f.ds
ORDER BY f.ds
