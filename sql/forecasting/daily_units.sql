-- DuckDB, over the lake. Units of demand of each pair and day with activity: units sold less those returned on the
-- same day, since an order that is cancelled at once is not demand; whether the shelf ran empty on the day,
-- and whether it was empty at close. A pair whose stock is unknown (null), or whose book says less than nothing, since goods
-- were sold that never came, is never called empty.
SELECT
    product_id,
    location_id,
    CAST(day AS TIMESTAMP) AS day,
    (sold_milli - greatest(0, least(returned_milli, sold_milli))) / 1000.0 AS units,
    censored,
    coalesce(on_hand_milli = 0, false) AS empty_at_close
FROM daily_demand
WHERE day > $since AND day <= $through
ORDER BY product_id, location_id, day
