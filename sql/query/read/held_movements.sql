-- Rows before transaction $1 of pairs that the ETL holds out of the lake, from the transaction on which the lake misses;
-- a run that was killed may have landed them all the same. ledger_pair serves it.
SELECT l.entry_id, s.source, l.event_id, l.leg, l.kind, l.product_id, l.location_id, l.quantity_milli,
       l.observed_milli, l.price_micros, l.line_total_micros, l.currency, l.promotion, l.order_id, l.order_line,
       l.channel, l.reason, l.counterparty, l.corrects,
       l.committed_milli, l.reference, l.expected_on, l.cost_micros, l.lot, l.expires_on, l.occurred_at, l.recorded_at,
       (l.occurred_at AT TIME ZONE o.timezone)::date AS day
FROM held_pairs h
JOIN ledger l ON l.product_id = h.product_id AND l.location_id = h.location_id
JOIN sources s USING (source_id)
JOIN locations o ON o.location_id = l.location_id
WHERE h.stage = 'movements' AND l.xid::text::bigint >= h.xid_from AND l.xid::text::bigint < $1::text::bigint
