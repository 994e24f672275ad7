-- Nodes of the published forecast: the children of a node, or the roots, or one node; with their sum over the horizon,
-- what its products are counted in, the products whose history a node's product has taken over, and what the intervals of
-- its level held when it was measured, by width (null: it was not). adjusted_total: with the overrides in
-- force; is_adjusted: some of them reach it.
WITH measured AS (
    SELECT forecast_run_id, level, jsonb_object_agg(substr(metric, 10), value) AS coverage
    FROM published_forecast
    JOIN forecast_errors USING (forecast_run_id)
    WHERE metric LIKE 'coverage\_%' AND value <> 'NaN'
    GROUP BY forecast_run_id, level
)
SELECT n.node_id, n.level, n.level_name, n.unique_id, n.label, n.parent_id, n.keys, n.warning,
       coalesce(s.replaces, '[]') AS replaces, t.total, r.forecast_run_id, r.cutoff, r.method, r.horizon_days, r.frequency,
       coalesce(r.horizon, r.horizon_days) AS horizon, m.coverage, coalesce(u.units, '[]') AS units,
       t.adjusted_total, t.is_adjusted
FROM published_forecast p
JOIN forecast_runs r USING (forecast_run_id)
JOIN forecast_nodes n USING (forecast_run_id)
LEFT JOIN measured m ON m.forecast_run_id = n.forecast_run_id AND m.level = n.level
JOIN LATERAL (
    SELECT sum(f.published) AS total, sum(f.yhat) AS adjusted_total,
           coalesce(bool_or(f.is_adjusted), false) AS is_adjusted
    FROM forecasts_in_force f
    WHERE f.forecast_run_id = n.forecast_run_id AND f.node_id = n.node_id
) t ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('product', old.sku, 'from', starts_on, 'share', share)
                     ORDER BY starts_on, old.sku) AS replaces
    FROM successions
    JOIN products new ON new.product_id = successor_id
    JOIN products old ON old.product_id = predecessor_id
    WHERE new.sku = n.keys->>'product'
) s ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(DISTINCT unit) AS units
    FROM products
    WHERE (NOT n.keys ? 'product' OR sku = n.keys->>'product')
      AND (NOT n.keys ? 'department' OR department = n.keys->>'department')
      AND (NOT n.keys ? 'category' OR category = n.keys->>'category')
) u ON true
WHERE (CAST(:node_id AS int) IS NULL OR n.node_id = :node_id)
  AND (CAST(:level_name AS text) IS NULL OR n.level_name = :level_name)
  AND (CAST(:keys AS jsonb) IS NULL OR n.keys = CAST(:keys AS jsonb))
  AND (CAST(:parent_id AS int) IS NULL OR n.parent_id = :parent_id)
  AND (NOT :roots OR n.parent_id IS NULL)
ORDER BY t.total DESC NULLS LAST, n.node_id
LIMIT :limit
