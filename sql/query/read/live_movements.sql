-- Rows of the ledger from transaction $1 on, and all that this snapshot sees of them, with their day at the location. The
-- lake holds everything before. ledger_xid serves it.
SELECT l.entry_id, s.source, l.event_id, l.leg, l.kind, l.product_id, l.location_id, l.quantity_milli,
       l.observed_milli, l.price_micros, l.line_total_micros, l.currency, l.promotion, l.order_id, l.order_line,
       l.channel, l.reason, l.counterparty, l.corrects,
       l.committed_milli, l.reference, l.expected_on, l.cost_micros, l.lot, l.expires_on, l.occurred_at, l.recorded_at,
       (l.occurred_at AT TIME ZONE o.timezone)::date AS day
FROM ledger l
JOIN sources s USING (source_id)
JOIN locations o USING (location_id)
WHERE l.xid::text::bigint >= $1::text::bigint
