-- DuckDB. The average cost of each touched pair from a day on: of the steps whose goods had come by then, the last one.
WITH days AS (
    SELECT s.valuation_id, s.product_id, s.location_id, s.cost_micros, s.currency, min(m.day) AS day
    FROM steps s
    JOIN all_movements m ON m.product_id = s.product_id AND m.location_id = s.location_id
                        AND block_of(m.entry_id) = s.block AND m.quantity_milli > 0
    GROUP BY ALL
),
newest AS (
    SELECT product_id, location_id, day,
           max(valuation_id) OVER (PARTITION BY product_id, location_id ORDER BY day) AS valuation_id
    FROM days
)
SELECT DISTINCT n.product_id, n.location_id, n.day, s.cost_micros, s.currency
FROM newest n
JOIN steps s USING (valuation_id)
