-- The average cost: each step follows from the one before, averages what the ledger says came in its block, at its own
-- cost or at that of the place that it came from, in the currency of the first goods that named one, and the last one is
-- the cost of the stock.
WITH steps AS (
    SELECT v.*, lag(cost_after) OVER pair AS cost_then, lag(currency) OVER pair AS currency_then
    FROM valuations v
    WINDOW pair AS (PARTITION BY product_id, location_id ORDER BY valuation_id)
),
goods AS (
    SELECT c.product_id, c.location_id, c.block, c.quantity_milli, c.entry_id, c.cost_micros IS NOT NULL AS costed,
           coalesce(c.cost_micros, f.cost_after) AS cost, n.currency,
           rate_of_goods(n.currency, s.currency, c.occurred_at, c.location_id) AS rate
    FROM ledger_costed c
    LEFT JOIN steps s ON (s.product_id, s.location_id, s.block) = (c.product_id, c.location_id, c.block)
    LEFT JOIN LATERAL (
        SELECT v.cost_after, v.currency
        FROM valuations v
        WHERE v.product_id = c.product_id AND v.location_id = c.from_location_id AND v.block <> c.block
          AND v.valuation_id < s.valuation_id
        ORDER BY v.valuation_id DESC
        LIMIT 1) f ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.cost_micros IS NULL THEN f.currency ELSE c.currency END AS currency) n
),
came AS (
    SELECT product_id, location_id, block, bool_or(costed AND rate IS NOT NULL) AS costed,
           (array_agg(currency ORDER BY entry_id) FILTER (WHERE cost IS NOT NULL AND currency IS NOT NULL))[1] AS currency,
           sum(quantity_milli) FILTER (WHERE cost * rate IS NOT NULL) AS came_milli,
           round(sum(quantity_milli::numeric * cost * rate)
                 / sum(quantity_milli) FILTER (WHERE cost * rate IS NOT NULL)) AS came_cost
    FROM goods
    GROUP BY product_id, location_id, block
),
wrong_steps AS (
    SELECT count(*) AS rows,
           count(*) FILTER (
               WHERE s.valuation_id IS NULL AND c.costed AND (k.cost_currency IS NULL OR c.currency = k.cost_currency)
                  OR s.cost_before IS DISTINCT FROM s.cost_then
                  OR s.cost_after IS DISTINCT FROM moving_average(s.other_milli, s.cost_before, s.came_milli, s.came_cost)
                  OR s.valuation_id IS NOT NULL
                     AND (s.came_milli, s.came_cost, s.currency)
                         IS DISTINCT FROM (c.came_milli, c.came_cost, coalesce(s.currency_then, c.currency))) AS differ
    FROM steps s
    FULL JOIN came c USING (product_id, location_id, block)
    LEFT JOIN stock k USING (product_id, location_id)
),
wrong_stock AS (
    SELECT count(*) AS differ
    FROM stock s
    FULL JOIN (SELECT DISTINCT ON (product_id, location_id) product_id, location_id, cost_after, currency
               FROM valuations ORDER BY product_id, location_id, valuation_id DESC) v USING (product_id, location_id)
    WHERE (s.cost_micros, s.cost_currency) IS DISTINCT FROM (v.cost_after, v.currency)
)
SELECT w.rows, w.differ + t.differ AS differ FROM wrong_steps w, wrong_stock t
