-- Units lost on days on which a shelf was empty for a time, of the days of `period`: what is missing to the mean of the
-- shelf's known in-stock days of the same weekday in the four weeks before and after; without such a day it is not known.
empty_days AS MATERIALIZED (
    SELECT product_id, location_id, day, p.unit, p.price AS list_price, p.currency AS list_currency
    FROM daily_stock s
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN period ON day > before AND day <= last AND day < open
    WHERE s.out_of_stock
      AND ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
),
-- shelves that were never empty are not looked at: a year of all shelves would be sorted for a few of them
around AS MATERIALIZED (
    SELECT product_id, location_id, day AS empty_day, (day + 7 * weeks)::DATE AS day
    FROM empty_days, unnest([-4, -3, -2, -1, 0, 1, 2, 3, 4]) AS around(weeks)
),
-- all days pass by once, beside the few that are asked for: the other way round all of them would be held
sold_around AS MATERIALIZED (
    SELECT product_id, location_id, day, sold FROM daily_demand SEMI JOIN around USING (product_id, location_id, day)
),
stocked AS (
    SELECT product_id, location_id, day
    FROM daily_stock
    SEMI JOIN around USING (product_id, location_id, day)
    JOIN period ON day < open
    WHERE NOT out_of_stock
),
empty AS (
    SELECT e.*, coalesce(d.sold, 0)::DOUBLE AS sold
    FROM empty_days e
    LEFT JOIN sold_around d USING (product_id, location_id, day)
),
usual AS (
    SELECT product_id, location_id, empty_day AS day, avg(coalesce(d.sold, 0)::DOUBLE) AS units
    FROM around
    JOIN stocked USING (product_id, location_id, day)
    LEFT JOIN sold_around d USING (product_id, location_id, day)
    GROUP BY product_id, location_id, empty_day
),
lost_units AS (
    SELECT e.*, CASE WHEN u.units > e.sold THEN u.units - e.sold ELSE 0 END AS lost, u.units IS NULL AS unknown
    FROM empty e
    LEFT JOIN usual u USING (product_id, location_id, day)
)
