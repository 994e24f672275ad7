-- Units and revenue by day, unit and currency, over all locations or one, for the last days up to the newest, and for the
-- same days 52 weeks before. first_day: the first with figures. converted: revenue in the currency :currency at the rate
-- of its day; NULL where there is none. What names no currency is in it.
WITH newest AS (SELECT max(day) AS day, min(day) AS first_day FROM location_daily),
days AS (
    SELECT d.day, d.unit, coalesce(nullif(d.currency, ''), :currency, '') AS currency,
           sum(d.sold_milli) / 1000.0::float8 AS sold,
           sum(d.returned_milli) / 1000.0::float8 AS returned,
           sum(d.revenue_micros) / 1e6 AS revenue,
           sum(d.active)::int AS active
    FROM location_daily d
    JOIN locations l USING (location_id)
    CROSS JOIN newest
    WHERE (d.day > newest.day - CAST(:days AS int)
           OR d.day > newest.day - 364 - CAST(:days AS int) AND d.day <= newest.day - 364)
      AND (CAST(:location AS text) IS NULL OR l.code = :location)
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
