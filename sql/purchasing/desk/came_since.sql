-- What has come of orders and transfers for the pairs of some lines since their run looked. Binds: :ids.
SELECT o.line_id,
       (SELECT coalesce(sum(e.committed_milli), 0)::bigint
        FROM ledger e
        JOIN event_kinds k ON k.kind = e.kind AND k.closes IN ('on_order', 'in_transit')
        WHERE e.product_id = p.product_id AND e.location_id = l.location_id AND e.recorded_at > r.as_of) AS milli
FROM order_lines o
JOIN order_runs r USING (order_run_id)
JOIN products p ON p.sku = o.product
JOIN locations l ON l.code = o.location
WHERE o.line_id = ANY(:ids)
