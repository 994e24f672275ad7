-- Lock lines by their numbers, in one order for everybody, with what is on order for their pair now, whether something of it may
-- have come since the run looked, and what their currency is worth in the chain's; amounts that name none are in it. some_for_shops:
-- of a warehouse's line, whether something is new for the shops that it orders for. pack, minimum, multiple: in what amounts the supplier sells it. today: by the clock of where
-- it goes. Binds: :ids, :currency, :now.
SELECT o.line_id, o.supplier, o.product, o.location, o.state, o.proposed_milli, o.buyer_milli, o.snoozed_until, o.approved_by,
       o.price_micros, o.currency, o.order_id, o.ordered_milli, o.version, o.order_line, o.source,
       o.on_order_milli AS on_order_then,
       coalesce(o.explanation ->> 'takes_days', o.explanation ->> 'lead_days')::integer AS takes_days,
       rate_on(coalesce(o.currency, :currency, ''), coalesce(CAST(:currency AS text), o.currency, ''), l.today) AS rate, l.timezone, l.today, p.unit, sp.pack_milli,
       sp.minimum_milli, sp.multiple_milli, o.at_risk_micros,
       (SELECT coalesce(sum(c.opened_milli - c.closed_milli), 0)::bigint
        FROM commitments c
        WHERE c.product_id = p.product_id AND c.location_id = l.location_id AND c.opened_milli > c.closed_milli
          AND c.purpose IN ('on_order', 'in_transit')) AS on_order_now,
       EXISTS (SELECT FROM commitments c
               WHERE c.product_id = p.product_id AND c.location_id = l.location_id AND c.updated_at > r.as_of AND c.opened_milli > 0
                 AND c.purpose = 'on_order' AND c.closed_milli > 0) AS some_came,
       EXISTS (SELECT
               FROM jsonb_array_elements_text(coalesce(o.explanation -> 'shops', '[]')) AS s (code)
               JOIN locations t ON t.code = s.code
               JOIN commitments c ON c.product_id = p.product_id AND c.location_id = t.location_id
               WHERE c.updated_at > r.as_of AND c.opened_milli > 0 AND c.purpose IN ('on_order', 'in_transit')) AS some_for_shops
FROM order_lines o
JOIN products p ON p.sku = o.product
JOIN (SELECT code, location_id, timezone, local_date(CAST(:now AS timestamptz), timezone) AS today FROM locations) l ON l.code = o.location
LEFT JOIN order_runs r USING (order_run_id)
LEFT JOIN supplier_products sp ON sp.supplier = o.supplier AND sp.product = o.product AND sp.withdrawn_at IS NULL
WHERE o.line_id = ANY(:ids)
ORDER BY o.line_id
FOR UPDATE OF o
