-- DuckDB. Orders and receipts of tills, a row an order and currency, from their lines.
SELECT source, order_id, currency, arg_min(location_id, first_entry_id) AS location_id,
       arg_min(customer_id, first_entry_id) AS customer_id, arg_min(channel, first_entry_id) AS channel, min(day) AS day,
       min(ordered_at) AS ordered_at, max(last_at) AS last_at, count(*)::INTEGER AS lines,
       (count(DISTINCT product_id))::INTEGER AS products,
       TRY_CAST(sum(sales_micros) AS BIGINT) AS sales_micros, TRY_CAST(sum(returns_micros) AS BIGINT) AS returns_micros,
       min(first_entry_id) AS first_entry_id, max(last_entry_id) AS last_entry_id, strftime(min(day), '%Y-%m') AS month
FROM order_lines
WHERE {is_touched}
GROUP BY source, order_id, currency
