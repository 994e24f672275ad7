-- DuckDB. Customers, a row a customer and currency: when they bought, how often, and for how much; day by day, too, so
-- that nobody reads all movements again for cohorts, segments and what customers will be worth.
WITH amounts AS (
    SELECT m.*, k.daily, coalesce(m.currency, d.close_currency, p.currency, '') AS in_currency,
           coalesce(sign(m.quantity_milli) * m.line_total_micros::HUGEINT * 1000,
                    m.quantity_milli::HUGEINT * m.price_micros) AS amount
    FROM in_force m
    JOIN event_kinds k ON k.kind = m.kind AND k.daily IN ('sold', 'returned')
    LEFT JOIN products p ON p.product_id = m.product_id
    LEFT JOIN daily_demand d ON d.product_id = m.product_id AND d.location_id = m.location_id AND d.day = m.day
    WHERE m.customer_id IS NOT NULL
),
by_day AS (
    SELECT customer_id, in_currency, day,
           TRY_CAST(coalesce(rounded(-sum(amount) FILTER (WHERE daily = 'sold'), 1000), 0) AS BIGINT) AS sales_micros,
           TRY_CAST(coalesce(rounded(sum(amount) FILTER (WHERE daily = 'returned'), 1000), 0) AS BIGINT) AS returns_micros
    FROM amounts
    GROUP BY customer_id, in_currency, day
    HAVING bool_or(daily = 'sold')
),
bought AS (
    SELECT customer_id, in_currency,
           list({{'day': day, 'sales_micros': sales_micros, 'returns_micros': returns_micros}} ORDER BY day) AS bought_days
    FROM by_day
    GROUP BY customer_id, in_currency
)
SELECT a.customer_id, a.in_currency AS currency, min(day) FILTER (WHERE daily = 'sold') AS first_day,
       max(day) FILTER (WHERE daily = 'sold') AS last_day,
       (count(DISTINCT day) FILTER (WHERE daily = 'sold'))::INTEGER AS days,
       (count(DISTINCT (source, order_id)) FILTER (WHERE daily = 'sold' AND order_id IS NOT NULL))::INTEGER AS orders,
       (count(DISTINCT location_id))::INTEGER AS locations,
       TRY_CAST(coalesce(rounded(-sum(amount) FILTER (WHERE daily = 'sold'), 1000), 0) AS BIGINT) AS sales_micros,
       TRY_CAST(coalesce(rounded(sum(amount) FILTER (WHERE daily = 'returned'), 1000), 0) AS BIGINT) AS returns_micros,
       coalesce(any_value(b.bought_days), []) AS bought_days,
       min(entry_id) AS first_entry_id, max(entry_id) AS last_entry_id, strftime(min(day), '%Y-%m') AS month
FROM amounts a
LEFT JOIN bought b ON b.customer_id = a.customer_id AND b.in_currency = a.in_currency
GROUP BY a.customer_id, a.in_currency
