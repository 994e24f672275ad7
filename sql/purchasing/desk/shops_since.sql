-- What was ordered for the shops of warehouses' lines, or sent to them by others, since their run looked. What a warehouse and its
-- shops send each other was there already. Binds: :ids.
SELECT o.line_id, coalesce(sum(e.committed_milli), 0)::bigint AS milli
FROM order_lines o
JOIN order_runs r USING (order_run_id)
JOIN products p ON p.sku = o.product
CROSS JOIN LATERAL jsonb_array_elements_text(o.explanation -> 'shops') AS s (code)
JOIN locations l ON l.code = s.code
JOIN ledger e ON e.product_id = p.product_id AND e.location_id = l.location_id AND e.recorded_at > r.as_of
JOIN event_kinds k ON k.kind = e.kind AND k.commit_leg = e.leg AND k.opens IN ('on_order', 'in_transit')
JOIN event_identities i ON i.source_id = e.source_id AND i.event_id = e.event_id
JOIN locations f ON f.location_id = i.location_id
WHERE o.line_id = ANY(:ids)
  AND (e.leg = 0 OR NOT (f.code = o.location OR o.explanation -> 'shops' ? f.code))
GROUP BY o.line_id
