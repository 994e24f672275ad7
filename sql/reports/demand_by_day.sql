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
shelves AS (
    SELECT product_id, location_id, day, p.unit, coalesce(d.sold, 0)::DOUBLE AS sold, s.out_of_stock AND day < open AS empty,
           NOT s.out_of_stock AND day < open AS stocked,
           last_value(d.price IGNORE NULLS) OVER so_far AS day_price, last_value(d.currency IGNORE NULLS) OVER so_far AS day_currency,
           p.price AS list_price, p.currency AS list_currency
    FROM daily_demand d
    FULL JOIN daily_stock s USING (product_id, location_id, day)
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN period ON day > before - 28 AND day <= last
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
    WINDOW so_far AS (PARTITION BY product_id, location_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),
estimated AS (
    SELECT *, avg(sold) FILTER (WHERE stocked) OVER around AS usual,
           coalesce(day_price, list_price)::DOUBLE AS price,
           CASE WHEN day_price IS NULL THEN list_currency ELSE day_currency END AS currency
    FROM shelves
    WINDOW around AS (PARTITION BY product_id, location_id, isodow(day) ORDER BY day
                      RANGE BETWEEN INTERVAL 28 DAY PRECEDING AND INTERVAL 28 DAY FOLLOWING)
),
lost AS (
    SELECT *, CASE WHEN empty THEN greatest(usual - sold, 0) END AS lost FROM estimated
)
SELECT day, unit, currency, sum(sold) AS sold, coalesce(sum(lost), 0) AS lost, coalesce(sum(lost * price), 0) AS lost_value,
       count(*) FILTER (WHERE empty) AS empty_shelves, count(*) FILTER (WHERE empty AND usual IS NULL) AS not_estimated,
       count(*) FILTER (WHERE lost > 0 AND price IS NULL) AS not_valued
FROM lost, period
WHERE day > before
GROUP BY ALL
ORDER BY day, unit, currency
