-- What the ledger holds under some identities, in the fields of an event.
SELECT l.source_id, l.event_id, l.payload_hash, l.kind, p.sku AS product, o.code AS location,
       arrived.code AS to_location, l.quantity_milli, l.observed_milli, l.price_micros, l.currency, l.promotion,
       l.order_id, l.order_line, l.customer_id, l.channel, l.reason, l.counterparty, l.occurred_at
FROM unnest(CAST(:source_ids AS int[]), CAST(:event_ids AS text[])) AS t (source_id, event_id)
JOIN ledger l ON l.source_id = t.source_id AND l.event_id = t.event_id AND l.leg = 0
JOIN products p USING (product_id)
JOIN locations o USING (location_id)
LEFT JOIN ledger second ON second.source_id = l.source_id AND second.event_id = l.event_id AND second.leg = 1
LEFT JOIN locations arrived ON arrived.location_id = second.location_id
