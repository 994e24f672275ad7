-- The forecast in force of one product over all locations, published: without overrides. Its own node where the hierarchy has one,
-- else the sum of its leaves (means add up; quantiles do not, so that they are left out then).
WITH published AS (
    SELECT f.forecast_run_id, r.cutoff, r.frequency, r.one_day
    FROM published_forecast f
    JOIN forecast_runs r USING (forecast_run_id)
),
nodes AS (
    SELECT n.node_id, n.keys = jsonb_build_object('product', CAST(:sku AS text)) AS own, n.level
    FROM forecast_nodes n
    JOIN published USING (forecast_run_id)
    WHERE n.keys @> jsonb_build_object('product', CAST(:sku AS text))
),
chosen AS (
    SELECT node_id, own, level FROM nodes WHERE own
    UNION ALL
    SELECT node_id, own, level FROM nodes
    WHERE NOT EXISTS (SELECT FROM nodes WHERE own) AND level = (SELECT max(level) FROM nodes)
)
SELECT f.ds, coalesce(lag(f.ds) OVER (ORDER BY f.ds), min(p.cutoff)) + 1 AS first_day, sum(f.yhat) AS yhat, sum(f.published) AS published,
       CASE WHEN bool_and(c.own) THEN min(q025) END AS q025, CASE WHEN bool_and(c.own) THEN min(q10) END AS q10,
       CASE WHEN bool_and(c.own) THEN min(q20) END AS q20, CASE WHEN bool_and(c.own) THEN min(q25) END AS q25,
       CASE WHEN bool_and(c.own) THEN min(q30) END AS q30, CASE WHEN bool_and(c.own) THEN min(q40) END AS q40,
       CASE WHEN bool_and(c.own) THEN min(q50) END AS q50, CASE WHEN bool_and(c.own) THEN min(q60) END AS q60,
       CASE WHEN bool_and(c.own) THEN min(q70) END AS q70, CASE WHEN bool_and(c.own) THEN min(q75) END AS q75,
       CASE WHEN bool_and(c.own) THEN min(q80) END AS q80, CASE WHEN bool_and(c.own) THEN min(q90) END AS q90,
       CASE WHEN bool_and(c.own) THEN min(q975) END AS q975,
       min(p.forecast_run_id) AS forecast_run_id, min(p.cutoff) AS cutoff, min(p.frequency) AS frequency,
       bool_or(p.one_day) AS one_day,
       (SELECT jsonb_object_agg(substr(e.metric, 10), e.value)
        FROM forecast_errors e
        WHERE e.forecast_run_id = min(p.forecast_run_id) AND e.level = min(c.level)
          AND e.metric LIKE 'coverage\_%' AND e.value <> 'NaN') AS coverage
FROM published p
JOIN chosen c ON true
JOIN forecasts_in_force f ON f.forecast_run_id = p.forecast_run_id AND f.node_id = c.node_id
GROUP BY f.ds
ORDER BY f.ds
