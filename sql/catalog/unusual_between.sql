-- Days of unusual demand from :since to :until, those that sold most first, and what was decided of them. unusual_days is
-- small: a few days a year.
SELECT u.day, coalesce(p.name, p.sku) AS product, coalesce(l.name, l.code) AS location, u.state
FROM unusual_days u
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE u.day BETWEEN :since AND :until
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
  AND (CAST(:department AS text) IS NULL OR p.department = :department)
  AND (CAST(:category AS text) IS NULL OR p.category = :category)
ORDER BY u.day, u.sold_milli DESC, p.sku, l.code
