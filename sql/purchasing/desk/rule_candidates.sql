-- Lines that the newest run proposes and no person has decided anything about, with what their currency is worth in the
-- chain's, and what is usually ordered for the pair: the middle of its last orders, whoever made them. Binds: :currency,
-- :today, :orders.
WITH last_orders AS (
    SELECT product_id, location_id, opened_milli,
           row_number() OVER (PARTITION BY product_id, location_id ORDER BY updated_at DESC, reference) AS number
    FROM commitments
    WHERE purpose = 'on_order' AND opened_milli > 0
),
usual AS (
    SELECT product_id, location_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY opened_milli) AS milli
    FROM last_orders
    WHERE number <= :orders
    GROUP BY product_id, location_id
)
SELECT o.line_id, o.supplier, o.product, o.location, o.state, o.proposed_milli, o.buyer_milli, o.snoozed_until, o.approved_by,
       o.price_micros, o.currency, o.order_id, o.ordered_milli, o.version, o.order_line, o.explanation, usual.milli AS usual_milli,
       rate_on(coalesce(o.currency, :currency, ''), coalesce(CAST(:currency AS text), o.currency, ''), CAST(:today AS date)) AS rate
FROM order_lines o
JOIN products p ON p.sku = o.product
JOIN locations l ON l.code = o.location
LEFT JOIN usual ON usual.product_id = p.product_id AND usual.location_id = l.location_id
WHERE o.state = 'proposed' AND o.buyer_milli IS NULL
  AND o.order_run_id = (SELECT max(order_run_id) FROM order_runs)
  AND NOT EXISTS (SELECT FROM order_actions a WHERE a.line_id = o.line_id AND a.action <> 'propose')
ORDER BY o.supplier, o.line_id
