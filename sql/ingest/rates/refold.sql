-- Take averages of cost again for products of which goods came in another currency since a day, from the first such
-- goods on. The day is one of any zone.
SELECT refold_costs(foreign_goods.product_id, foreign_goods.block)
FROM (SELECT l.product_id, min(block_of(l.entry_id)) AS block
      FROM ledger l
      JOIN stock s USING (product_id, location_id)
      LEFT JOIN event_identities i ON l.leg = 1 AND i.source_id = l.source_id AND i.event_id = l.event_id
      LEFT JOIN stock f ON f.product_id = l.product_id AND f.location_id = i.location_id
      WHERE (l.cost_micros IS NOT NULL OR l.leg = 1) AND l.quantity_milli > 0
        AND l.occurred_at >= CAST(:since AS date) - INTERVAL '1 day'
        AND CASE WHEN l.cost_micros IS NULL THEN f.cost_currency ELSE l.currency END <> s.cost_currency
      GROUP BY l.product_id
      ORDER BY l.product_id) foreign_goods
