-- Set lots of pairs to their fold, where goods of a transfer came or went: an arrival that names no lot brings those that were sent.
-- The pairs are locked already. OFFSET 0: pairs that have lots come first, and each is folded by its index. Binds: $1 products,
-- $2 locations.
UPDATE lots o
SET on_hand_milli = f.on_hand_milli, expires_on = f.expires_on
FROM (SELECT product_id, location_id
      FROM unnest($1::int[], $2::int[]) AS t (product_id, location_id)
      WHERE EXISTS (SELECT FROM lots a WHERE a.product_id = t.product_id AND a.location_id = t.location_id)
      OFFSET 0) p
CROSS JOIN LATERAL (
    SELECT * FROM lot_fold v WHERE v.product_id = p.product_id AND v.location_id = p.location_id OFFSET 0) f
WHERE (o.product_id, o.location_id, o.lot) = (f.product_id, f.location_id, f.lot)
