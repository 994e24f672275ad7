-- Lines that the newest run proposes and no person has decided anything about, with what their currency is worth in the
-- chain's; what is usually ordered for the pair, the middle of its last orders, whoever made them; and by how much its forecast
-- in force differs from the one that was published before, over the days that both have; is_moved: another shop has too much
-- of it, and a move is proposed. Binds: :currency, :today, :orders;
-- :compares, whether forecasts are compared; :ids, of these lines alone, or null.
WITH candidates AS MATERIALIZED (
    SELECT o.line_id, o.supplier, o.product, o.location, o.state, o.proposed_milli, o.buyer_milli, o.snoozed_until, o.approved_by,
           o.price_micros, o.currency, o.order_id, o.ordered_milli, o.version, o.order_line, o.explanation,
           p.product_id, p.category, p.department, l.location_id, l.region, l.country,
           EXISTS (SELECT
                   FROM order_runs r, jsonb_array_elements(coalesce(r.detail -> 'moves', '[]')) AS m
                   WHERE r.order_run_id = o.order_run_id AND m ->> 'product' = o.product AND m ->> 'target' = o.location
           ) AS is_moved
    FROM order_lines o
    JOIN products p ON p.sku = o.product
    JOIN locations l ON l.code = o.location
    WHERE o.state = 'proposed' AND o.buyer_milli IS NULL
      AND (CAST(:ids AS bigint[]) IS NULL OR o.line_id = ANY(CAST(:ids AS bigint[])))
      AND o.order_run_id = (SELECT max(order_run_id) FROM order_runs)
      AND NOT EXISTS (SELECT FROM order_actions a WHERE a.line_id = o.line_id AND a.action <> 'propose')
),
runs AS (
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
    WHERE CAST(:compares AS boolean)
),
nodes AS (
    SELECT c.line_id, runs.now, n.node_id, runs.before, o.node_id AS other_id
    FROM runs
    CROSS JOIN candidates c
    JOIN forecast_nodes n ON n.forecast_run_id = runs.now
        AND n.keys = jsonb_build_object('product', c.product, 'location', c.location)
    JOIN forecast_nodes o ON o.forecast_run_id = runs.before AND o.keys = n.keys
)
SELECT c.line_id, c.supplier, c.product, c.location, c.state, c.proposed_milli, c.buyer_milli, c.snoozed_until, c.approved_by,
       c.price_micros, c.currency, c.order_id, c.ordered_milli, c.version, c.order_line, c.explanation, c.category, c.department,
       c.region, c.country, usual.milli AS usual_milli, forecast.changed, c.is_moved,
       rate_on(coalesce(c.currency, :currency, ''), coalesce(CAST(:currency AS text), c.currency, ''), CAST(:today AS date)) AS rate
FROM candidates c
LEFT JOIN nodes n USING (line_id)
LEFT JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY opened_milli) AS milli
    FROM (
        SELECT o.opened_milli FROM commitments o
        WHERE o.product_id = c.product_id AND o.location_id = c.location_id AND o.purpose = 'on_order' AND o.opened_milli > 0
        ORDER BY o.updated_at DESC, o.reference
        LIMIT :orders
    ) last_orders
) usual ON true
LEFT JOIN LATERAL (
    SELECT sum(f.yhat) / nullif(sum(g.yhat), 0) - 1 AS changed
    FROM forecasts_in_force f
    JOIN forecasts g ON g.forecast_run_id = n.before AND g.node_id = n.other_id AND g.ds = f.ds
    WHERE f.forecast_run_id = n.now AND f.node_id = n.node_id
) forecast ON true
ORDER BY c.supplier, c.line_id
