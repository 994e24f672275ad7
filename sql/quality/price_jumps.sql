-- DuckDB. Prices five times the one before, or a fifth of it: a decimal point is in the wrong place, or a code was used again.
-- severity: warning
-- of: prices
SELECT product_id, location_id, day, entry_id, price_before_micros / 1e6 AS price_before, price_micros / 1e6 AS price, currency
FROM prices
WHERE day > $since AND price_before_micros > 0
  AND (price_micros >= 5 * price_before_micros OR 5 * price_micros <= price_before_micros)
