-- Ledger rows of whole, finished transactions, with the business day at the location: those of the pairs $3, $4 only, or
-- of all others.
SELECT l.entry_id, s.source, l.event_id, l.leg, l.kind, l.product_id, l.location_id, l.quantity_milli,
       l.observed_milli, l.price_micros, l.line_total_micros, l.currency, l.promotion, l.order_id, l.order_line,
       l.customer_id, l.channel, l.reason, l.counterparty, l.corrects, l.occurred_at, l.recorded_at, l.xid::text::bigint AS xid,
       (l.occurred_at AT TIME ZONE o.timezone)::date AS day
FROM ledger l
JOIN sources s USING (source_id)
JOIN locations o USING (location_id)
WHERE l.xid::text::bigint >= $1::text::bigint AND l.xid::text::bigint < $2::text::bigint
  AND ((l.product_id, l.location_id) IN (SELECT * FROM unnest($3::text::int[], $4::text::int[]))) = $5::text::boolean
