-- Lines that the newest run proposes and no person has decided anything about, with what their currency is worth in the
-- chain's; what is usually ordered for the pair, the middle of its last orders, whoever made them; is_moved: another shop has
-- too much of it, and a move is proposed. Binds: :currency, :orders; :ids and
-- :suppliers, of these alone, or null.
WITH candidates AS MATERIALIZED (
    SELECT o.line_id, o.supplier, o.product, o.location, o.state, o.proposed_milli, o.buyer_milli, o.snoozed_until, o.approved_by,
           o.price_micros, o.currency, o.order_id, o.ordered_milli, o.version, o.order_line, o.explanation, o.source,
           local_date(now(), l.timezone) AS today, p.product_id, p.category, p.department, l.location_id, l.region, l.country,
           EXISTS (SELECT
                   FROM order_runs r, jsonb_array_elements(coalesce(r.detail -> 'moves', '[]')) AS m
                   WHERE r.order_run_id = o.order_run_id AND m ->> 'product' = o.product AND m ->> 'target' = o.location
           ) AS is_moved
    FROM order_lines o
    JOIN products p ON p.sku = o.product
    JOIN locations l ON l.code = o.location
    WHERE o.state = 'proposed' AND o.buyer_milli IS NULL
      AND (CAST(:ids AS bigint[]) IS NULL OR o.line_id = ANY(CAST(:ids AS bigint[])))
      AND (CAST(:suppliers AS text[]) IS NULL OR o.supplier = ANY(CAST(:suppliers AS text[])))
      AND o.order_run_id = (SELECT max(order_run_id) FROM order_runs)
      AND NOT EXISTS (SELECT FROM order_actions a WHERE a.line_id = o.line_id AND a.action NOT IN ('propose', 'reprice'))
)
SELECT c.line_id, c.supplier, c.product, c.location, c.state, c.proposed_milli, c.buyer_milli, c.snoozed_until, c.approved_by,
       c.price_micros, c.currency, c.order_id, c.ordered_milli, c.version, c.order_line, c.source, c.explanation, c.category, c.department,
       c.region, c.country, usual.milli AS usual_milli, c.is_moved,
       NOT EXISTS (SELECT FROM suppliers s WHERE s.supplier = c.supplier AND s.withdrawn_at IS NULL AND NOT s.active) AS is_active,
       rate_on(coalesce(c.currency, :currency, ''), coalesce(CAST(:currency AS text), c.currency, ''), c.today) AS rate
FROM candidates c
LEFT JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY opened_milli) AS milli
    FROM (
        SELECT o.opened_milli FROM commitments o
        WHERE o.product_id = c.product_id AND o.location_id = c.location_id
          AND o.purpose = CASE WHEN c.source IS NULL THEN 'on_order' ELSE 'in_transit' END AND o.opened_milli > 0
        ORDER BY o.updated_at DESC, o.reference
        LIMIT :orders
    ) last_orders
) usual ON true
ORDER BY c.supplier, c.line_id
