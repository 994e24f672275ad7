-- DuckDB. What was ordered from suppliers, and what came of it: a row a line, product and location. A receipt that names
-- no line is of the only line that its order has of the product there.
WITH rows AS (
    SELECT m.*, k.opens IS NOT NULL AS orders, k.daily IS NOT NULL AS receives,
           CASE WHEN min(m.order_line) OVER goods = max(m.order_line) OVER goods THEN max(m.order_line) OVER goods
                ELSE m.order_line END AS line
    FROM in_force m
    JOIN event_kinds k ON k.kind = m.kind AND 'on_order' IN (k.opens, k.closes)
    WHERE m.order_id IS NOT NULL
    WINDOW goods AS (PARTITION BY m.order_id, m.product_id, m.location_id)
),
came AS (
    SELECT order_id, line, product_id, location_id,
           list({{'day': day, 'received_milli': received}} ORDER BY day) AS received_days
    FROM (SELECT order_id, line, product_id, location_id, day, TRY_CAST(sum(quantity_milli) AS BIGINT) AS received
          FROM rows
          WHERE receives
          GROUP BY ALL)
    GROUP BY ALL
)
SELECT r.order_id, r.line AS order_line, r.product_id, r.location_id,
       coalesce(arg_min(r.counterparty, r.entry_id) FILTER (WHERE r.orders), arg_min(r.counterparty, r.entry_id)) AS supplier,
       any_value(p.unit) AS unit, min(r.day) AS day, min(r.occurred_at) FILTER (WHERE r.orders) AS ordered_at,
       arg_max(r.expected_on, r.entry_id) AS expected_on,
       TRY_CAST(coalesce(sum(r.committed_milli) FILTER (WHERE r.orders), 0) AS BIGINT) AS ordered_milli,
       TRY_CAST(coalesce(sum(r.quantity_milli) FILTER (WHERE r.receives), 0) AS BIGINT) AS received_milli,
       (count(*) FILTER (WHERE r.receives))::INTEGER AS receipts,
       min(r.occurred_at) FILTER (WHERE r.receives) AS first_received_at,
       max(r.occurred_at) FILTER (WHERE r.receives) AS last_received_at,
       any_value(c.received_days) AS received_days,
       arg_max(r.cost_micros, r.entry_id) AS cost_micros,
       arg_max(r.currency, r.entry_id) FILTER (WHERE r.cost_micros IS NOT NULL) AS currency,
       min(r.entry_id) AS first_entry_id, max(r.entry_id) AS last_entry_id, strftime(min(r.day), '%Y-%m') AS month
FROM rows r
LEFT JOIN products p ON p.product_id = r.product_id
LEFT JOIN came c ON c.order_id = r.order_id AND c.line IS NOT DISTINCT FROM r.line AND c.product_id = r.product_id
                 AND c.location_id = r.location_id
GROUP BY r.order_id, r.line, r.product_id, r.location_id
