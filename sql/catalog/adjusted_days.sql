-- The forecast of some nodes together with the overrides in it, by period, as node_forecast; published: without
-- them. No row where no override reaches any of the nodes.
SELECT f.ds, coalesce(lag(f.ds) OVER (ORDER BY f.ds), min(r.cutoff)) + 1 AS first_day,
       sum(f.yhat) AS yhat, sum(f.published) AS published,
       CASE WHEN count(*) = 1 THEN min(f.q025) END AS q025, CASE WHEN count(*) = 1 THEN min(f.q10) END AS q10,
       CASE WHEN count(*) = 1 THEN min(f.q20) END AS q20, CASE WHEN count(*) = 1 THEN min(f.q25) END AS q25,
       CASE WHEN count(*) = 1 THEN min(f.q30) END AS q30, CASE WHEN count(*) = 1 THEN min(f.q40) END AS q40,
       CASE WHEN count(*) = 1 THEN min(f.q50) END AS q50, CASE WHEN count(*) = 1 THEN min(f.q60) END AS q60,
       CASE WHEN count(*) = 1 THEN min(f.q70) END AS q70, CASE WHEN count(*) = 1 THEN min(f.q75) END AS q75,
       CASE WHEN count(*) = 1 THEN min(f.q80) END AS q80, CASE WHEN count(*) = 1 THEN min(f.q90) END AS q90,
       CASE WHEN count(*) = 1 THEN min(f.q975) END AS q975
FROM forecasts_in_force f
JOIN forecast_runs r USING (forecast_run_id)
WHERE f.node_id = ANY(CAST(:nodes AS int[]))
GROUP BY f.ds
HAVING bool_or(f.is_adjusted)
ORDER BY f.ds
