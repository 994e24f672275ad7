-- The average cost: each step follows from the one before, averages what the ledger says came in its block, at its own
-- cost or at that of the place that it came from, and the last one is the cost of the stock.
WITH steps AS (
    SELECT v.*, lag(cost_after) OVER (PARTITION BY product_id, location_id ORDER BY valuation_id) AS cost_then
    FROM valuations v
),
came AS (
    SELECT c.product_id, c.location_id, c.block, bool_or(c.cost_micros IS NOT NULL) AS costed,
           sum(c.quantity_milli) FILTER (WHERE coalesce(c.cost_micros, f.cost_after) IS NOT NULL) AS came_milli,
           round(sum(c.quantity_milli::numeric * coalesce(c.cost_micros, f.cost_after))
                 / sum(c.quantity_milli) FILTER (WHERE coalesce(c.cost_micros, f.cost_after) IS NOT NULL)) AS came_cost
    FROM ledger_costed c
    LEFT JOIN steps s ON (s.product_id, s.location_id, s.block) = (c.product_id, c.location_id, c.block)
    LEFT JOIN LATERAL (
        SELECT v.cost_after
        FROM valuations v
        WHERE v.product_id = c.product_id AND v.location_id = c.from_location_id AND v.block <> c.block
          AND v.valuation_id < s.valuation_id
        ORDER BY v.valuation_id DESC
        LIMIT 1) f ON true
    GROUP BY c.product_id, c.location_id, c.block
),
wrong_steps AS (
    SELECT count(*) AS rows,
           count(*) FILTER (
               WHERE s.valuation_id IS NULL AND c.costed
                  OR s.cost_before IS DISTINCT FROM s.cost_then
                  OR s.cost_after IS DISTINCT FROM moving_average(s.other_milli, s.cost_before, s.came_milli, s.came_cost)
                  OR s.valuation_id IS NOT NULL
                     AND (s.came_milli, s.came_cost) IS DISTINCT FROM (c.came_milli, c.came_cost)) AS differ
    FROM steps s
    FULL JOIN came c USING (product_id, location_id, block)
),
wrong_stock AS (
    SELECT count(*) AS differ
    FROM stock s
    FULL JOIN (SELECT DISTINCT ON (product_id, location_id) product_id, location_id, cost_after
               FROM valuations ORDER BY product_id, location_id, valuation_id DESC) v USING (product_id, location_id)
    WHERE s.cost_micros IS DISTINCT FROM v.cost_after
)
SELECT w.rows, w.differ + t.differ AS differ FROM wrong_steps w, wrong_stock t
