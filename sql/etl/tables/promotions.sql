-- DuckDB. Promotions that ran: prices of a promotion without another price in between, and the price before them.
WITH parts AS (
    SELECT *, count(*) FILTER (WHERE NOT promotion) OVER pair AS part,
           last_value(CASE WHEN NOT promotion THEN price_micros END IGNORE NULLS) OVER pair AS regular_micros
    FROM prices
    WHERE {is_touched}
    WINDOW pair AS (PARTITION BY product_id, location_id ORDER BY from_at, entry_id)
)
SELECT product_id, location_id, min(day) AS day, min(from_at) AS from_at,
       CASE WHEN count(until_at) = count(*) THEN max(until_at) END AS until_at, min(price_micros) AS price_micros,
       any_value(regular_micros) AS regular_price_micros, arg_min(currency, entry_id) AS currency,
       min(entry_id) AS first_entry_id, max(entry_id) AS last_entry_id, strftime(min(day), '%Y-%m') AS month
FROM parts
WHERE promotion
GROUP BY product_id, location_id, part
