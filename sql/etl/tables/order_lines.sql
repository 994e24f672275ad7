-- DuckDB. What was sold and brought back under one order or receipt of a till: a row a line, product, location and
-- currency. An amount that names no currency is in that of the day's price list, else of the product.
WITH amounts AS (
    SELECT m.*, k.daily, p.unit, coalesce(m.currency, d.close_currency, p.currency, '') AS in_currency,
           coalesce(sign(m.quantity_milli) * m.line_total_micros::HUGEINT * 1000,
                    m.quantity_milli::HUGEINT * m.price_micros) AS amount
    FROM in_force m
    JOIN event_kinds k ON k.kind = m.kind AND k.daily IN ('sold', 'returned')
    LEFT JOIN products p ON p.product_id = m.product_id
    LEFT JOIN daily_demand d ON d.product_id = m.product_id AND d.location_id = m.location_id AND d.day = m.day
    WHERE m.order_id IS NOT NULL
)
SELECT source, order_id, order_line, product_id, location_id, in_currency AS currency, any_value(unit) AS unit,
       arg_min(customer_id, entry_id) AS customer_id, arg_min(channel, entry_id) AS channel, min(day) AS day,
       min(occurred_at) AS ordered_at, max(occurred_at) AS last_at,
       TRY_CAST(coalesce(-sum(quantity_milli) FILTER (WHERE daily = 'sold'), 0) AS BIGINT) AS sold_milli,
       TRY_CAST(coalesce(sum(quantity_milli) FILTER (WHERE daily = 'returned'), 0) AS BIGINT) AS returned_milli,
       TRY_CAST(coalesce(rounded(-sum(amount) FILTER (WHERE daily = 'sold'), 1000), 0) AS BIGINT) AS sales_micros,
       TRY_CAST(coalesce(rounded(sum(amount) FILTER (WHERE daily = 'returned'), 1000), 0) AS BIGINT) AS returns_micros,
       coalesce(bool_or(promotion), false) AS promotion, min(entry_id) AS first_entry_id, max(entry_id) AS last_entry_id,
       strftime(min(day), '%Y-%m') AS month
FROM amounts
GROUP BY source, order_id, order_line, product_id, location_id, in_currency
