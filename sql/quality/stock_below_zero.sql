-- DuckDB. Days that ended with less than nothing on hand: more was sold than was ever received or counted.
-- severity: warning
-- of: daily_demand
SELECT product_id, location_id, day, on_hand_milli / 1e3 AS on_hand
FROM daily_demand
WHERE day > $since AND on_hand_milli < 0
