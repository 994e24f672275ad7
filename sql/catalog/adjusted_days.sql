-- The forecast of some nodes together with the overrides in it, by period, as node_forecast; published: without
-- them. No row where no override reaches any of the nodes.
WITH published AS (
    SELECT f.*, r.cutoff, (row_number() OVER (PARTITION BY f.node_id ORDER BY f.ds))::int AS at
    FROM published_forecast p
    JOIN forecast_runs r USING (forecast_run_id)
    JOIN forecasts f USING (forecast_run_id)
    WHERE f.node_id = ANY(CAST(:nodes AS int[]))
      AND EXISTS (SELECT FROM adjusted_forecasts x
                  WHERE x.forecast_run_id = p.forecast_run_id AND x.node_id = ANY(CAST(:nodes AS int[])))
)
SELECT f.ds, coalesce(lag(f.ds) OVER (ORDER BY f.ds), min(f.cutoff)) + 1 AS first_day,
       sum(coalesce(a.yhat[f.at], f.yhat)) AS yhat, sum(f.yhat) AS published,
       CASE WHEN count(*) = 1 THEN min(f.q025 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][1], 0)) END AS q025,
       CASE WHEN count(*) = 1 THEN min(f.q10 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][2], 0)) END AS q10,
       CASE WHEN count(*) = 1 THEN min(f.q20 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][3], 0)) END AS q20,
       CASE WHEN count(*) = 1 THEN min(f.q25 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][4], 0)) END AS q25,
       CASE WHEN count(*) = 1 THEN min(f.q30 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][5], 0)) END AS q30,
       CASE WHEN count(*) = 1 THEN min(f.q40 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][6], 0)) END AS q40,
       CASE WHEN count(*) = 1 THEN min(f.q50 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][7], 0)) END AS q50,
       CASE WHEN count(*) = 1 THEN min(f.q60 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][8], 0)) END AS q60,
       CASE WHEN count(*) = 1 THEN min(f.q70 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][9], 0)) END AS q70,
       CASE WHEN count(*) = 1 THEN min(f.q75 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][10], 0)) END AS q75,
       CASE WHEN count(*) = 1 THEN min(f.q80 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][11], 0)) END AS q80,
       CASE WHEN count(*) = 1 THEN min(f.q90 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][12], 0)) END AS q90,
       CASE WHEN count(*) = 1 THEN min(f.q975 * coalesce(a.factor[f.at], 1) + coalesce(a.added[f.at][13], 0)) END AS q975
FROM published f
LEFT JOIN adjusted_forecasts a USING (forecast_run_id, node_id)
GROUP BY f.ds
ORDER BY f.ds
