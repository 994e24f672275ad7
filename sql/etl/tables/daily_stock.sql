-- DuckDB. Stock of the touched pairs on the known shelf-days from $first to $last, by `demand` from $before days before on.
-- A day is known if its row of daily_demand says so, and for 28 days after one that ended with stock known. Cover is stock by
-- the mean sold a day in the 28 days up to it. `costs` is the average cost of a pair from a day on.
WITH recent AS (
    SELECT d.product_id, d.location_id, d.day, d.on_hand_milli, d.in_stock_share, d.censored,
           sum(d.sold_milli - d.returned_milli) OVER pair AS sold_so_far,
           least(lead(d.day) OVER pair, d.day + 29, $last + 1) AS until
    FROM demand d
    SEMI JOIN touched t ON t.product_id = d.product_id AND t.location_id = d.location_id
    WHERE d.day BETWEEN $first - $before AND $last
    WINDOW pair AS (PARTITION BY d.product_id, d.location_id ORDER BY d.day)
),
shelf AS (
    SELECT product_id, location_id, day, on_hand_milli, censored AS out_of_stock, true AS moved
    FROM recent
    WHERE in_stock_share IS NOT NULL
    UNION ALL
    SELECT product_id, location_id, unnest(generate_series(day + 1, until - 1, INTERVAL 1 DAY))::DATE, on_hand_milli,
           on_hand_milli = 0, false
    FROM recent
    WHERE on_hand_milli >= 0
),
days AS (
    SELECT s.*
    FROM shelf s
    JOIN touched t ON t.product_id = s.product_id AND t.location_id = s.location_id
    WHERE s.day BETWEEN greatest($first, t.first_day) AND $last
),
sold AS (
    SELECT d.*, coalesce(r.sold_so_far, 0) - coalesce(o.sold_so_far, 0) AS sold_28d
    FROM days d
    ASOF LEFT JOIN recent r ON r.product_id = d.product_id AND r.location_id = d.location_id AND d.day >= r.day
    ASOF LEFT JOIN recent o ON o.product_id = d.product_id AND o.location_id = d.location_id AND d.day - 28 >= o.day
)
SELECT s.product_id, s.location_id, s.day, p.unit, s.on_hand_milli, s.out_of_stock, s.moved, c.cost_micros,
       TRY_CAST(rounded(s.on_hand_milli::HUGEINT * c.cost_micros, 1000) AS BIGINT) AS value_micros,
       CASE WHEN c.cost_micros IS NOT NULL THEN coalesce(c.currency, p.currency, '') END AS currency,
       s.sold_28d::BIGINT AS sold_28d_milli,
       CASE WHEN s.sold_28d > 0 THEN s.on_hand_milli / (s.sold_28d::DOUBLE / 28) END AS cover_days,
       strftime(s.day, '%Y-%m') AS month
FROM sold s
LEFT JOIN products p ON p.product_id = s.product_id
ASOF LEFT JOIN costs c ON c.product_id = s.product_id AND c.location_id = s.location_id AND s.day >= c.day
