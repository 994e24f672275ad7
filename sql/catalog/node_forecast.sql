-- The forecast of some nodes together by period: from first_day to ds, which are the same where it is daily. in_force: with
-- the overrides in it, and no row where none reaches any of the nodes; else as it was published. published: its means
-- without them. Means add up; quantiles do not, and are those of one node alone.
WITH said AS (
    SELECT f.forecast_run_id, f.ds, f.yhat, f.published, f.is_adjusted, to_jsonb(f) AS quantiles
    FROM forecasts_in_force f
    WHERE CAST(:in_force AS boolean) AND f.node_id = ANY(CAST(:nodes AS int[]))
    UNION ALL
    SELECT forecast_run_id, f.ds, f.yhat, f.yhat, true, to_jsonb(f)
    FROM published_forecast p
    JOIN forecasts f USING (forecast_run_id)
    WHERE NOT CAST(:in_force AS boolean) AND f.node_id = ANY(CAST(:nodes AS int[]))
),
period AS (
    SELECT s.ds, coalesce(lag(s.ds) OVER (ORDER BY s.ds), min(r.cutoff)) + 1 AS first_day, sum(s.yhat) AS yhat,
           sum(s.published) AS published, CASE WHEN count(*) = 1 THEN jsonb_agg(s.quantiles) -> 0 END AS quantiles
    FROM said s
    JOIN forecast_runs r USING (forecast_run_id)
    GROUP BY s.ds
    HAVING bool_or(s.is_adjusted)
)
SELECT ds, first_day, yhat, published, q.*
FROM period
CROSS JOIN LATERAL jsonb_to_record(coalesce(quantiles, '{}')) AS q (
    q025 float8, q10 float8, q20 float8, q25 float8, q30 float8, q40 float8, q50 float8, q60 float8, q70 float8,
    q75 float8, q80 float8, q90 float8, q975 float8
)
ORDER BY ds
