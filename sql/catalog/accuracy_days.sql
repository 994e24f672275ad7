-- Forecasts that were published against what came, by level, day and days ahead: absolute errors of ours and of seasonal naive
-- (the same weekday of the last week that was known), the signed error, what came, and how often the bands held. Of the
-- newest versions whose days are kept, on days that the published one has seen. A leaf's day without a row sold nothing.
WITH present AS (
    SELECT p.forecast_run_id, r.cutoff, r.frequency
    FROM published_forecast p
    JOIN forecast_runs r USING (forecast_run_id)
),
before AS (
    SELECT r.forecast_run_id, r.cutoff
    FROM present n
    JOIN forecast_runs r ON r.cutoff < n.cutoff AND r.frequency = 'D' AND n.frequency = 'D' AND r.pruned_at IS NULL
    JOIN forecast_models m ON m.forecast_run_id = r.forecast_run_id AND m.status IN ('champion', 'retired')
),
scored AS (
    SELECT t.level, t.level_name, f.ds, f.ds - b.cutoff AS ahead, f.yhat, f.q025, f.q10, f.q25, f.q75, f.q90, f.q975,
           coalesce(a.y, 0) AS y, coalesce(w.y, 0) AS naive
    FROM before b
    CROSS JOIN present n
    JOIN forecast_nodes o ON o.forecast_run_id = b.forecast_run_id
    JOIN forecast_nodes t ON t.forecast_run_id = n.forecast_run_id AND t.level_name = o.level_name
                         AND t.unique_id = o.unique_id
    -- one look into the index a node: all days of all nodes would be read for a chain that has no version before
    JOIN LATERAL (
        SELECT min(a.ds) AS first_day
        FROM forecast_actuals a
        WHERE a.forecast_run_id = n.forecast_run_id AND a.node_id = t.node_id
    ) k ON k.first_day IS NOT NULL
    JOIN forecasts f ON f.forecast_run_id = b.forecast_run_id AND f.node_id = o.node_id
                    AND f.ds BETWEEN k.first_day AND n.cutoff
    LEFT JOIN forecast_actuals a ON a.forecast_run_id = n.forecast_run_id AND a.node_id = t.node_id AND a.ds = f.ds
    LEFT JOIN forecast_actuals w ON w.forecast_run_id = n.forecast_run_id AND w.node_id = t.node_id
                                AND w.ds = f.ds - 7 * ((f.ds - b.cutoff + 6) / 7)
)
SELECT level, level_name, ds AS day, ahead, count(*)::int AS items, sum(abs(y - yhat)) AS err,
       sum(abs(y - naive)) AS naive_err, sum(yhat - y) AS too_much, sum(y) AS came,
       avg((y BETWEEN q25 AND q75)::int)::float8 AS held_50, avg((y BETWEEN q10 AND q90)::int)::float8 AS held_80,
       avg((y BETWEEN q025 AND q975)::int)::float8 AS held_95
FROM scored
GROUP BY level, level_name, ds, ahead
ORDER BY level, ds, ahead
