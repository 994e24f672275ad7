-- Demand by day: units sold, and lost sales by unit of the products and currency of their prices. Lost on a day on which a
-- shelf was empty for a time is what is missing to the mean of its known in-stock days of the same weekday in the four weeks
-- before and after; without such a day it is not known. Valued at the price of the day, else the list price. Of an hour
-- only what was sold is known.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 28: length of the period, up to the newest day with data
-- parameter open date: first day that is not over; from it on sales are only counted; none where left out
-- parameter weekday integer: weekday, 1 is Monday; all of them where left out
-- parameter hour integer: hour of the location's own clock, from 0 on; all of them where left out
-- parameter month integer: month of the year; all of them where left out
WITH
-- part demand_narrowed,
period AS (
    SELECT max(day) - $days AS before, max(day) AS last, coalesce($open::DATE, max(day) + 1) AS open FROM daily_demand
),
sold AS (
    SELECT d.day, p.unit, d.currency, sum(d.sold)::DOUBLE AS sold
    FROM demand_narrowed d
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN period ON d.day > before
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
    GROUP BY ALL
),
-- part lost_units,
priced AS (
    SELECT product_id, location_id, day, price, currency
    FROM daily_demand
    SEMI JOIN empty USING (product_id, location_id)
    JOIN period ON day > before - 28
    WHERE price IS NOT NULL
),
lost AS (
    SELECT e.day, e.unit, CASE WHEN p.price IS NULL THEN list_currency ELSE p.currency END AS currency, e.lost, e.unknown,
           coalesce(p.price, list_price)::DOUBLE AS price
    FROM lost_units e
    ASOF LEFT JOIN priced p ON p.product_id = e.product_id AND p.location_id = e.location_id AND p.day <= e.day
),
both_sums AS (
    SELECT day, unit, currency, sold, 0.0::DOUBLE AS lost, 0.0::DOUBLE AS lost_value, 0 AS empty_shelves, 0 AS not_estimated,
           0 AS not_valued
    FROM sold
    UNION ALL
    SELECT day, unit, currency, 0, lost, coalesce(lost * price, 0), 1, unknown::INTEGER, (lost > 0 AND price IS NULL)::INTEGER
    FROM lost
    WHERE $hour IS NULL
      AND ($weekday IS NULL OR isodow(day) = $weekday)
      AND ($month IS NULL OR month(day) = $month)
)
SELECT day, unit, currency, sum(sold) AS sold, sum(lost) AS lost, sum(lost_value) AS lost_value, sum(empty_shelves)::BIGINT AS empty_shelves,
       sum(not_estimated)::BIGINT AS not_estimated, sum(not_valued)::BIGINT AS not_valued
FROM both_sums
GROUP BY ALL
ORDER BY day, unit, currency
