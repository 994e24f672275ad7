-- Ledger rows of whole, finished transactions, with the business day at the location: those of some pairs only, or of all
-- others. The numbers in braces are written into it: with bound ones the driver holds all rows in memory.
SELECT l.entry_id, s.source, l.event_id, l.leg, l.kind, l.product_id, l.location_id, l.quantity_milli,
       l.observed_milli, l.price_micros, l.line_total_micros, l.currency, l.promotion, l.order_id, l.order_line,
       l.customer_id, l.channel, l.reason, l.counterparty, l.corrects,
       l.committed_milli, l.reference, l.expected_on, l.cost_micros, l.lot, l.expires_on, l.occurred_at, l.recorded_at, l.xid::text::bigint AS xid,
       (l.occurred_at AT TIME ZONE o.timezone)::date AS day
FROM ledger l
JOIN sources s USING (source_id)
JOIN locations o USING (location_id)
WHERE l.xid::text::bigint >= {since:d} AND l.xid::text::bigint < {xid_before:d}
  AND ((l.product_id, l.location_id) IN (SELECT * FROM unnest(ARRAY{product_ids}::int[], ARRAY{location_ids}::int[]))) = {only}
