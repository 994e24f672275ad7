-- What the ledger holds in some entries, in the fields of an event. Binds: $1 entries.
SELECT l.entry_id, s.source, l.event_id, l.kind, p.sku AS product, o.code AS location, arrived.code AS to_location,
       l.quantity_milli, l.observed_milli, l.price_micros, l.currency, l.promotion, l.order_id, l.order_line,
       l.customer_id, l.channel, l.reason, l.counterparty, l.occurred_at,
       coalesce(l.committed_milli, second.committed_milli) AS committed_milli, l.reference, l.cost_micros, l.lot,
       l.expires_on, l.expected_on, l.attributes::text AS attributes, l.corrects, l.source_id, l.product_id,
       l.location_id, second.location_id AS to_location_id
FROM ledger l
JOIN sources s USING (source_id)
JOIN products p USING (product_id)
JOIN locations o USING (location_id)
LEFT JOIN ledger second ON second.entry_id = l.entry_id + 1 AND second.leg = 1 AND l.kind IN ('transfer', 'dispatch')
LEFT JOIN locations arrived ON arrived.location_id = second.location_id
WHERE l.entry_id = ANY($1::bigint[])
