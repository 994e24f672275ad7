-- The products at places inside a node of the published forecast that has no items of its own below it, such as a shop's,
-- with their sums over the horizon, overrides in them: what the hierarchy does not group, but adds up to. department: of the product.
WITH node AS (
    SELECT n.forecast_run_id, n.keys
    FROM published_forecast p
    JOIN forecast_nodes n USING (forecast_run_id)
    WHERE n.node_id = :node_id
)
SELECT n.node_id, p.sku, coalesce(p.name, p.sku) AS name, coalesce(p.department, '') AS department, p.unit, t.total
FROM node
JOIN forecast_nodes n ON n.forecast_run_id = node.forecast_run_id AND n.keys ? 'product' AND n.keys ? 'location'
JOIN products p ON p.sku = n.keys ->> 'product'
JOIN locations l ON l.code = n.keys ->> 'location'
JOIN LATERAL (
    SELECT sum(yhat) AS total FROM forecasts_in_force f
    WHERE f.forecast_run_id = n.forecast_run_id AND f.node_id = n.node_id
) t ON true
WHERE jsonb_build_object('product', p.sku, 'department', p.department, 'category', p.category, 'location', l.code,
                         'region', l.region, 'country', l.country) @> node.keys
ORDER BY t.total DESC NULLS LAST, n.node_id
