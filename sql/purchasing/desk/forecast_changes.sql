-- By what share the forecast in force of some pairs differs from the one that was published before, over the days that both
-- have; no row where there is none of the same rhythm, or it was of nothing. Binds: :products, :locations.
WITH runs AS MATERIALIZED (
    SELECT p.forecast_run_id AS now, before.forecast_run_id AS before
    FROM published_forecast p
    JOIN forecast_runs r USING (forecast_run_id)
    CROSS JOIN LATERAL (
        SELECT m.forecast_run_id
        FROM forecast_models m
        JOIN forecast_runs b USING (forecast_run_id)
        WHERE m.status = 'retired' AND b.pruned_at IS NULL AND b.frequency = r.frequency
        ORDER BY m.decided_at DESC, m.version DESC
        LIMIT 1
    ) before
)
SELECT a.product, a.location, sum(f.yhat) / sum(g.yhat) - 1 AS changed
FROM runs
CROSS JOIN unnest(CAST(:products AS text[]), CAST(:locations AS text[])) AS a (product, location)
JOIN forecast_nodes n ON n.forecast_run_id = runs.now
    AND n.keys = jsonb_build_object('product', a.product, 'location', a.location)
JOIN forecast_nodes o ON o.forecast_run_id = runs.before AND o.keys = n.keys
JOIN forecasts_in_force f ON f.forecast_run_id = n.forecast_run_id AND f.node_id = n.node_id
JOIN forecasts g ON g.forecast_run_id = o.forecast_run_id AND g.node_id = o.node_id AND g.ds = f.ds
GROUP BY a.product, a.location
HAVING sum(g.yhat) > 0
