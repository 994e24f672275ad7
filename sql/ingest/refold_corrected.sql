-- Set all that the ledger says of pairs to its fold: events of theirs were corrected, and not all that an event did is
-- a sum. The pairs are locked already. OFFSET 0: each pair is folded by its index. Binds: $1 products, $2 locations,
-- $3 half-life in seconds.
WITH pair AS (
    SELECT DISTINCT product_id, location_id FROM unnest($1::int[], $2::int[]) AS t (product_id, location_id)
),
commitments_folded AS (
    UPDATE commitments c
    SET opened_milli = f.opened_milli, closed_milli = f.closed_milli, expected_on = f.expected_on, updated_at = now()
    FROM pair p
    CROSS JOIN LATERAL (
        SELECT * FROM commitment_fold v WHERE v.product_id = p.product_id AND v.location_id = p.location_id OFFSET 0) f
    WHERE (c.purpose, c.reference, c.product_id, c.location_id)
          = (f.purpose, f.reference, f.product_id, f.location_id)
      AND (c.opened_milli, c.closed_milli, c.expected_on)
          IS DISTINCT FROM (f.opened_milli, f.closed_milli, f.expected_on)
),
lots_folded AS (
    UPDATE lots o
    SET on_hand_milli = f.on_hand_milli, expires_on = f.expires_on
    FROM pair p
    CROSS JOIN LATERAL (
        SELECT * FROM lot_fold v WHERE v.product_id = p.product_id AND v.location_id = p.location_id OFFSET 0) f
    WHERE (o.product_id, o.location_id, o.lot) = (f.product_id, f.location_id, f.lot)
)
UPDATE stock s
SET on_hand_milli = f.on_hand_milli, counted_at = f.counted_at, known = f.known, last_sale_at = f.last_sale_at,
    price_micros = f.price_micros, currency = f.currency, promotion = f.promotion, price_at = f.price_at,
    sensed_milli = f.sensed_milli, sensed_at = f.sensed_at, sales_score = coalesce(t.sales_score, 0),
    sales_score_at = t.sales_score_at, updated_at = now()
FROM pair p
CROSS JOIN LATERAL (
    SELECT * FROM stock_fold v WHERE v.product_id = p.product_id AND v.location_id = p.location_id OFFSET 0) f
LEFT JOIN LATERAL (
    SELECT * FROM score_fold($3) v WHERE v.product_id = p.product_id AND v.location_id = p.location_id OFFSET 0) t
       ON true
WHERE s.product_id = p.product_id AND s.location_id = p.location_id
