-- Decide a day of unusual demand; a decision may be changed. Gives nothing where no such day is flagged.
UPDATE unusual_days u
SET state = :state, decided_at = now(), decided_by = :by, reason = :reason
FROM products p, locations l
WHERE p.product_id = u.product_id AND l.location_id = u.location_id
  AND p.sku = :product AND l.code = :location AND u.day = :day
RETURNING u.sold_milli
