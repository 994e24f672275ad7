-- Demand by day: units sold, and lost sales by unit of the products and currency of their prices. Lost on a day on which a
-- shelf was empty for a time is what is missing to the mean of its known in-stock days of the same weekday in the four weeks
-- before and after; without such a day it is not known. Valued at the price of the day, else the list price.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 28: length of the period, up to the newest day with data
-- parameter open date: first day that is not over; from it on sales are only counted; none where left out
WITH period AS (
    SELECT max(day) - $days AS before, max(day) AS last, coalesce($open::DATE, max(day) + 1) AS open FROM daily_demand
),
sold AS (
    SELECT d.day, p.unit, d.currency, sum(d.sold)::DOUBLE AS sold
    FROM daily_demand d
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN period ON d.day > before
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
    GROUP BY ALL
),
empty AS (
    SELECT product_id, location_id, day, p.unit, coalesce(d.sold, 0)::DOUBLE AS sold, p.price AS list_price, p.currency AS list_currency
    FROM daily_stock s
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN period ON day > before AND day <= last AND day < open
    LEFT JOIN daily_demand d USING (product_id, location_id, day)
    WHERE s.out_of_stock
      AND ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
),
-- shelves that were never empty are not looked at: a year of all shelves would be sorted for a few of them
beside AS (
    SELECT product_id, location_id, day AS empty_day, (day + 7 * weeks)::DATE AS day
    FROM empty, unnest([-4, -3, -2, -1, 1, 2, 3, 4]) AS around(weeks)
),
usual AS (
    SELECT product_id, location_id, empty_day AS day, avg(coalesce(d.sold, 0)::DOUBLE) AS units
    FROM beside
    JOIN daily_stock s USING (product_id, location_id, day)
    LEFT JOIN daily_demand d USING (product_id, location_id, day)
    JOIN period ON day < open
    WHERE NOT s.out_of_stock
    GROUP BY product_id, location_id, empty_day
),
priced AS (
    SELECT product_id, location_id, day, price, currency
    FROM daily_demand
    SEMI JOIN empty USING (product_id, location_id)
    JOIN period ON day > before - 28
    WHERE price IS NOT NULL
),
lost AS (
    SELECT e.day, e.unit, CASE WHEN p.price IS NULL THEN list_currency ELSE p.currency END AS currency,
           CASE WHEN u.units > e.sold THEN u.units - e.sold ELSE 0 END AS lost, u.units IS NULL AS unknown, coalesce(p.price, list_price)::DOUBLE AS price
    FROM empty e
    LEFT JOIN usual u USING (product_id, location_id, day)
    ASOF LEFT JOIN priced p ON p.product_id = e.product_id AND p.location_id = e.location_id AND p.day <= e.day
),
both_sums AS (
    SELECT day, unit, currency, sold, 0.0::DOUBLE AS lost, 0.0::DOUBLE AS lost_value, 0 AS empty_shelves, 0 AS not_estimated,
           0 AS not_valued
    FROM sold
    UNION ALL
    SELECT day, unit, currency, 0, lost, coalesce(lost * price, 0), 1, unknown::INTEGER, (lost > 0 AND price IS NULL)::INTEGER
    FROM lost
)
SELECT day, unit, currency, sum(sold) AS sold, sum(lost) AS lost, sum(lost_value) AS lost_value, sum(empty_shelves)::BIGINT AS empty_shelves,
       sum(not_estimated)::BIGINT AS not_estimated, sum(not_valued)::BIGINT AS not_valued
FROM both_sums
GROUP BY ALL
ORDER BY day, unit, currency
