-- From which day to which each shop has sold. Like-for-like are those that sold from the first week of an earlier period to
-- the last week of a later one.
shop_spans AS (
    SELECT location_id, min(day) AS first_sold, max(day) AS last_sold
    FROM daily_demand
    WHERE sold > 0
    GROUP BY location_id
)
