-- What each line of some orders was last said to be of, of the events of a source. Binds: :source, :orders.
SELECT DISTINCT ON (l.order_id, l.order_line) l.order_id, l.order_line, p.sku, c.code
FROM ledger l
JOIN sources s USING (source_id)
JOIN products p USING (product_id)
JOIN locations c USING (location_id)
WHERE s.source = :source AND l.order_id = ANY(:orders) AND l.order_line IS NOT NULL
ORDER BY l.order_id, l.order_line, l.entry_id DESC
