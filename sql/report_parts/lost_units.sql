-- Units lost on days on which a shelf was empty for a time, of the days of `period`: what is missing to the mean of the
-- shelf's known in-stock days of the same weekday in the four weeks before and after; without such a day it is not known.
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
lost_units AS (
    SELECT e.*, CASE WHEN u.units > e.sold THEN u.units - e.sold ELSE 0 END AS lost, u.units IS NULL AS unknown
    FROM empty e
    LEFT JOIN usual u USING (product_id, location_id, day)
)
