-- Events behind figures: those that rows of a table of the lake are made of, with what corrects them.
-- parameter table text = daily_demand: table whose rows they make: movements, daily_demand, daily_stock, orders, order_lines, purchases, prices, promotions or feeds_days
-- parameter product text: SKU; all of them where left out
-- parameter location text: code of a shop; all of them where left out
-- parameter first date: first business day; the earliest where left out
-- parameter last date: last business day; the newest where left out
-- parameter source text: system that sent them; all of them where left out
-- parameter order_id text: order of a till or a supplier; all of them where left out
-- parameter counts_as text: sold, returned, received or adjusted; everything where left out
WITH mine AS (
    SELECT m.*, k.counts_as, p.sku, p.name, l.code
    FROM movements m
    JOIN kinds k ON k.kind = m.kind
    JOIN products p ON p.product_id = m.product_id
    JOIN locations l ON l.location_id = m.location_id
    WHERE ($product IS NULL OR p.sku = $product)
      AND ($location IS NULL OR l.code = $location)
      AND ($first IS NULL OR m.day >= $first)
      AND ($last IS NULL OR m.day <= $last)
      AND ($order_id IS NULL OR m.order_id = $order_id)
      AND ($counts_as IS NULL OR k.counts_as = $counts_as)
      AND CASE
              WHEN $table IN ('daily_demand', 'daily_stock') THEN k.sign <> 0 OR k.is_count OR k.sets_price
              WHEN $table IN ('orders', 'order_lines') THEN m.order_id IS NOT NULL AND k.counts_as IN ('sold', 'returned')
              WHEN $table = 'purchases' THEN m.order_id IS NOT NULL AND 'on_order' IN (k.opens, k.closes)
              WHEN $table IN ('prices', 'promotions') THEN k.sets_price
              ELSE $table IN ('movements', 'feeds_days')
          END
)
-- a correction stands at the product, place and time of what it takes back, so both are among these
SELECT m.source, m.event_id, m.leg, m.kind, m.sku, m.name, m.code AS location, m.day, m.quantity, m.counts_as,
       m.corrects IS NULL AND c.entry_id IS NULL AS in_force, m.observed, m.committed, m.price, m.line_total, m.currency, m.order_id,
       m.order_line, m.occurred_at, m.recorded_at, m.entry_id, c.source AS corrected_by_source, c.event_id AS corrected_by,
       o.source AS corrects_source, o.event_id AS corrects
FROM mine m
LEFT JOIN mine c ON c.corrects = m.entry_id - m.leg AND c.leg = m.leg
LEFT JOIN mine o ON o.entry_id = m.corrects + m.leg
-- not before: whoever corrects an event may be another source
WHERE $source IS NULL OR m.source = $source
ORDER BY m.occurred_at, m.entry_id
