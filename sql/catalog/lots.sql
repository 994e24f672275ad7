-- Lots of a product that are on hand, the next to expire first. Of a lot of which more went than came, on hand is not known.
SELECT l.code AS location, t.lot, known_stock(true, t.on_hand_milli) AS on_hand_milli, t.on_hand_milli AS book_milli,
       t.expires_on
FROM lots t
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE p.sku = :product
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
  AND t.on_hand_milli <> 0
ORDER BY t.expires_on NULLS LAST, l.code, t.lot
LIMIT :limit
