-- DuckDB. Products whose average cost on their last day is above their price: margin is lost, or a cost is of a case and not of a unit.
-- severity: warning
-- of: daily_stock
SELECT s.product_id, s.location_id, s.day, s.cost_micros / 1e6 AS cost, d.price_micros / 1e6 AS price, d.currency
FROM (SELECT * FROM daily_stock WHERE day > $since QUALIFY row_number() OVER (PARTITION BY product_id, location_id ORDER BY day DESC) = 1) s
JOIN (SELECT * FROM daily_demand WHERE day > $since AND price_micros > 0
      QUALIFY row_number() OVER (PARTITION BY product_id, location_id ORDER BY day DESC) = 1) d
    ON d.product_id = s.product_id AND d.location_id = s.location_id AND d.currency = s.currency
WHERE s.cost_micros > d.price_micros
