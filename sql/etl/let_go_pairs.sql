-- Let pairs go that every stage brought on.
DELETE FROM held_pairs h
USING unnest(CAST(:product_ids AS int[]), CAST(:location_ids AS int[])) AS p (product_id, location_id)
WHERE (h.product_id, h.location_id) = (p.product_id, p.location_id)
