-- What is known of each product at each location whose stock is known: units of the product, money of one unit.
SELECT p.sku AS product, l.code AS location, p.unit, p.category, p.department, l.region, l.country, l.timezone,
       greatest(s.on_hand_milli, 0) / 1000.0::float8 AS on_hand,
       s.on_hand_milli / 1000.0::float8 AS book, c.promised_milli / 1000.0::float8 AS reserved,
       (c.on_order_milli + c.in_transit_milli) AS coming_milli,
       coalesce(s.price_micros, p.price_micros) / 1e6::float8 AS price, s.cost_micros / 1e6::float8 AS cost,
       coalesce(s.currency, p.currency) AS currency, s.cost_currency
FROM stock s
JOIN stock_position c USING (product_id, location_id)
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE s.known
ORDER BY 1, 2
