-- How much of each order line has come in, of the events of a source. Binds: :source, :orders.
SELECT l.order_id, l.order_line, sum(l.quantity_milli)::bigint AS received_milli
FROM ledger l
JOIN sources s USING (source_id)
JOIN event_kinds k USING (kind)
WHERE s.source = :source AND k.daily = 'received' AND l.order_id = ANY(:orders)
GROUP BY l.order_id, l.order_line
