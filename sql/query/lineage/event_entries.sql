-- The ledger's rows of an event, what its kind does, and whether its product is held out of the lake at its place.
WITH first AS (
    SELECT i.source_id, i.event_id, i.entry_id, i.product_id, i.location_id, i.occurred_at, i.recorded_at
    FROM sources s
    JOIN event_identities i USING (source_id)
    WHERE s.source = :source AND i.event_id = :event_id
),
legs AS (
    SELECT f.recorded_at, f.product_id, f.location_id, f.occurred_at, f.entry_id
    FROM first f
    UNION ALL
    -- goods that went to another place
    SELECT f.recorded_at, f.product_id, l.to_location_id, f.occurred_at, f.entry_id + 1
    FROM first f
    JOIN ledger l ON l.recorded_at = f.recorded_at AND l.product_id = f.product_id AND l.location_id = f.location_id
                 AND l.occurred_at = f.occurred_at AND l.entry_id = f.entry_id
    WHERE l.to_location_id IS NOT NULL
)
SELECT l.entry_id, l.leg, l.kind, p.sku AS product, p.name AS product_name, o.code AS location, l.product_id, l.location_id,
       l.quantity_milli, l.observed_milli, l.committed_milli, l.price_micros, l.currency, l.order_id, l.order_line,
       l.promotion, l.corrects, l.occurred_at, l.recorded_at, l.xid::text::bigint AS xid,
       (l.occurred_at AT TIME ZONE o.timezone)::date AS day, p.department, p.category, o.region, o.country,
       k.daily, k.sets_price, k.sign <> 0 OR k.is_count OR k.sets_price AS makes_days,
       coalesce('on_order' IN (k.opens, k.closes), false) AS of_purchases, h.stage AS held_stage, h.error AS held_error
FROM legs
JOIN ledger l ON l.recorded_at = legs.recorded_at AND l.product_id = legs.product_id AND l.location_id = legs.location_id
             AND l.occurred_at = legs.occurred_at AND l.entry_id = legs.entry_id
JOIN event_kinds k ON k.kind = l.kind
JOIN products p ON p.product_id = l.product_id
JOIN locations o ON o.location_id = l.location_id
LEFT JOIN held_pairs h ON h.product_id = l.product_id AND h.location_id = l.location_id AND h.xid_from <= l.xid::text::bigint
ORDER BY l.leg
