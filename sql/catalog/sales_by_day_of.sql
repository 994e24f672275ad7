-- As sales_by_day, of the products of a department or category.
WITH newest AS (SELECT max(day) AS day, min(day) AS first_day FROM location_daily),
parts AS (
    SELECT d.*, p.unit
    FROM daily_demand d
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    CROSS JOIN newest
    WHERE (d.day > newest.day - CAST(:days AS int)
           OR d.day > newest.day - 364 - CAST(:days AS int) AND d.day <= newest.day - 364)
      AND (CAST(:location AS text) IS NULL OR l.code = :location)
      AND (CAST(:department AS text) IS NULL OR p.department = :department)
      AND (CAST(:category AS text) IS NULL OR p.category = :category)
),
lines AS (
    SELECT day, unit, currency, sold_milli, returned_milli, revenue_micros, 1 AS active FROM parts
    UNION ALL
    SELECT day, unit, o.key, 0, 0, CAST(o.value AS bigint), 0
    FROM parts CROSS JOIN LATERAL jsonb_each_text(other_revenue) o
),
days AS (
    SELECT day, unit, coalesce(nullif(currency, ''), :currency, '') AS currency,
           sum(sold_milli) / 1000.0::float8 AS sold,
           sum(returned_milli) / 1000.0::float8 AS returned,
           sum(revenue_micros) / 1e6 AS revenue,
           sum(active)::int AS active
    FROM lines
    GROUP BY 1, 2, 3
),
rates AS MATERIALIZED (
    SELECT day, currency, rate_on(currency, CAST(:currency AS text), day) AS rate
    FROM (SELECT DISTINCT day, currency FROM days) d
)
SELECT day, unit, currency, sold, returned, revenue::float8 AS revenue, (revenue * rate)::float8 AS converted, active,
       (SELECT first_day FROM newest) AS first_day
FROM days
JOIN rates USING (day, currency)
ORDER BY day, unit, currency
