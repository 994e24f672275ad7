-- What the ledger holds under some identities, in the fields of an event. Binds: $1 sources, $2 events.
SELECT l.entry_id, s.source, l.event_id, l.kind, p.sku AS product, o.code AS location, arrived.code AS to_location,
       l.quantity_milli, l.observed_milli, l.price_micros, l.currency, l.promotion, l.order_id, l.order_line,
       l.customer_id, l.channel, l.reason, l.counterparty, l.occurred_at,
       -- what is opened on the second leg is as much as leaves on this one
       CASE WHEN k.commit_leg = 1 THEN k.sign * l.quantity_milli ELSE l.committed_milli END AS committed_milli,
       l.reference, l.line_total_micros, l.cost_micros, l.lot, l.expires_on, l.expected_on, l.attributes::text AS attributes, l.corrects,
       l.source_id, l.product_id, l.location_id, l.to_location_id, l.recorded_at,
       -- whose event it is can then not be compared any more
       u.erased_at IS NOT NULL AS is_erased
FROM unnest($1::int[], $2::text[]) AS t (source_id, event_id)
JOIN event_identities i USING (source_id, event_id)
JOIN ledger l ON l.recorded_at = i.recorded_at AND l.product_id = i.product_id AND l.location_id = i.location_id
             AND l.occurred_at = i.occurred_at AND l.entry_id = i.entry_id
JOIN event_kinds k ON k.kind = l.kind
JOIN sources s ON s.source_id = l.source_id
JOIN products p ON p.product_id = l.product_id
JOIN locations o ON o.location_id = l.location_id
LEFT JOIN customers u ON u.pseudonym = l.customer_id
LEFT JOIN locations arrived ON arrived.location_id = l.to_location_id
