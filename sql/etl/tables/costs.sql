-- DuckDB. The average cost of each touched pair from a day on: of the steps whose goods had come by then, the last one. Goods
-- are those that ledger_costed has: they came at their own cost, or at that of the place that they came from.
WITH goods AS (
    SELECT m.product_id, m.location_id, block_of(m.entry_id) AS block, m.day, m.entry_id, m.leg
    FROM all_movements m
    SEMI JOIN steps s ON s.product_id = m.product_id AND s.location_id = m.location_id AND s.block = block_of(m.entry_id)
    WHERE m.quantity_milli > 0 AND (m.cost_micros IS NOT NULL OR m.leg = 1) AND m.corrects IS NULL
),
corrected AS (
    SELECT corrects, leg FROM all_movements WHERE corrects IS NOT NULL
),
days AS (
    SELECT s.valuation_id, s.product_id, s.location_id, min(g.day) AS day
    FROM steps s
    JOIN goods g ON g.product_id = s.product_id AND g.location_id = s.location_id AND g.block = s.block
    WHERE NOT EXISTS (SELECT 1 FROM corrected c WHERE c.corrects = g.entry_id - g.leg AND c.leg = g.leg)
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
