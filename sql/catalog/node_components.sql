-- Parts of one node's forecast, in the published run (now) and in the champion before it (before); the part without a
-- name is the mean itself. Units a period, from the period whose last day is first_day.
WITH sides AS (
    SELECT 'now' AS side, p.forecast_run_id, m.version, r.cutoff, r.frequency
    FROM published_forecast p
    JOIN forecast_runs r USING (forecast_run_id)
    LEFT JOIN forecast_models m USING (forecast_run_id)
    UNION ALL (
        SELECT 'before', m.forecast_run_id, m.version, m.cutoff, r.frequency
        FROM forecast_models m
        JOIN forecast_runs r USING (forecast_run_id)
        WHERE m.status = 'retired' AND r.pruned_at IS NULL
        ORDER BY m.decided_at DESC, m.version DESC
        LIMIT 1)
),
wanted AS (
    SELECT n.level_name, n.unique_id
    FROM published_forecast p
    JOIN forecast_nodes n USING (forecast_run_id)
    WHERE n.node_id = :node_id
),
nodes AS (
    SELECT s.side, s.version, s.cutoff, s.frequency, n.forecast_run_id, n.node_id
    FROM sides s
    JOIN forecast_nodes n USING (forecast_run_id)
    JOIN wanted w USING (level_name, unique_id)
)
SELECT n.side, n.version, n.cutoff, n.frequency, c.component, c.first_day, c.units
FROM nodes n
JOIN forecast_components c USING (forecast_run_id, node_id)
UNION ALL
SELECT n.side, n.version, n.cutoff, n.frequency, NULL, min(f.ds), array_agg(f.yhat::real ORDER BY f.ds)
FROM nodes n
JOIN forecasts f USING (forecast_run_id, node_id)
GROUP BY n.side, n.version, n.cutoff, n.frequency
ORDER BY 1, 5
