-- What the ledger holds of the order lines of a source, by currency: units and money, corrections counted against them.
-- Binds: :source, :orders.
SELECT k.daily, l.currency, count(*) FILTER (WHERE l.corrects IS NULL) - count(*) FILTER (WHERE l.corrects IS NOT NULL) AS lines,
       -sum(l.quantity_milli)::numeric / 1000 AS units,
       sum(-sign(l.quantity_milli::numeric) * coalesce(l.line_total_micros::numeric, abs(l.quantity_milli)::numeric * l.price_micros / 1000))
           / 1000000 AS amount
FROM ledger l
JOIN sources s USING (source_id)
JOIN event_kinds k USING (kind)
WHERE s.source = :source AND l.order_id = ANY(:orders) AND k.daily IS NOT NULL
GROUP BY k.daily, l.currency
