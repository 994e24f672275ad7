-- Have pairs that a stage could bring on taken up by the next one.
UPDATE held_pairs h
SET stage = :stage
FROM unnest(CAST(:product_ids AS int[]), CAST(:location_ids AS int[])) AS p (product_id, location_id)
WHERE (h.product_id, h.location_id) = (p.product_id, p.location_id)
