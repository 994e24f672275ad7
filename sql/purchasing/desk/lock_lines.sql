-- Lock lines by their numbers, in one order for everybody, with what is on order for their pair now, whether all of an ordered
-- line has come, and what their currency is worth in the chain's; amounts that name none are in it. arrived: of goods that a
-- warehouse has sent. Binds: :ids, :currency, :today.
SELECT o.line_id, o.supplier, o.product, o.location, o.state, o.proposed_milli, o.buyer_milli, o.snoozed_until, o.approved_by,
       o.price_micros, o.currency, o.order_id, o.ordered_milli, o.version, o.order_line, o.source,
       o.on_order_milli AS on_order_then, (o.explanation ->> 'lead_days')::integer AS lead_days,
       rate_on(coalesce(o.currency, :currency, ''), coalesce(CAST(:currency AS text), o.currency, ''), CAST(:today AS date)) AS rate,
       (SELECT coalesce(sum(c.opened_milli - c.closed_milli), 0)::bigint
        FROM commitments c
        JOIN products p ON p.product_id = c.product_id
        JOIN locations l ON l.location_id = c.location_id
        WHERE p.sku = o.product AND l.code = o.location AND c.opened_milli > c.closed_milli
          AND c.purpose IN ('on_order', 'in_transit')) AS on_order_now,
       coalesce((SELECT c.closed_milli >= c.opened_milli
                 FROM commitments c
                 JOIN products p ON p.product_id = c.product_id
                 JOIN locations l ON l.location_id = c.location_id
                 WHERE c.purpose = 'on_order' AND c.reference = o.order_id AND p.sku = o.product AND l.code = o.location),
                false) AS has_come,
       (SELECT coalesce(sum(c.closed_milli), 0)::bigint
        FROM commitments c
        WHERE o.source IS NOT NULL AND c.purpose = 'in_transit' AND c.reference = o.order_id || '-' || o.order_line) AS arrived_milli
FROM order_lines o
WHERE o.line_id = ANY(:ids)
ORDER BY o.line_id
FOR UPDATE OF o
