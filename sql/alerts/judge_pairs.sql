-- Judge pairs by the rules of stock. Gives a row where a rule says open, or where it has an alert open: what changes,
-- and what stays open with another value. Neither opens nor closes: the rule cannot tell now, all stays as it is.
WITH pair AS (
    SELECT DISTINCT product_id, location_id
    FROM unnest(CAST(:product_ids AS int[]), CAST(:location_ids AS int[])) AS t (product_id, location_id)
)
SELECT v.rule, s.product_id, s.location_id, CAST(NULL AS text) AS feed,
       coalesce(v.opens, false) AS opens, coalesce(v.closes, false) AS closes, v.value_milli, v.limit_milli
FROM pair
JOIN stock s USING (product_id, location_id)
-- what a buyer orders by: on hand, on order and in transit, less what is promised
CROSS JOIN LATERAL (
    SELECT p.on_hand_milli + p.on_order_milli + p.in_transit_milli - p.promised_milli AS milli
    FROM stock_position p
    WHERE p.product_id = s.product_id AND p.location_id = s.location_id
) position
LEFT JOIN reorder_points r USING (product_id, location_id)
CROSS JOIN LATERAL (
    SELECT s.sensed_milli - s.on_hand_milli AS apart,
           greatest(CAST(:sensor_milli AS bigint), round(:sensor_share * abs(s.on_hand_milli))::bigint) AS tolerance
) sensor
-- a reading tells something of the ledger only if nothing moved after it, or so shortly before that it may not show
CROSS JOIN LATERAL (
    SELECT abs(sensor.apart) > sensor.tolerance * (1 - :hysteresis) AND EXISTS (
               SELECT FROM ledger_in_force m
               WHERE m.product_id = s.product_id AND m.location_id = s.location_id
                 AND m.occurred_at > s.sensed_at - make_interval(secs => :sensor_grace_s)
                 AND (m.quantity_milli <> 0 OR is_stock_count(m.kind))
           ) AS moved_since
) reading
CROSS JOIN LATERAL (VALUES
    -- below zero the book is wrong, and tells of no empty shelf: that is negative_balance; what is open stays as it is
    ('out_of_stock', s.known AND s.on_hand_milli = 0, NOT s.known OR s.on_hand_milli > 0,
     s.on_hand_milli, CAST(0 AS bigint)),
    ('negative_balance', s.known AND s.on_hand_milli < 0, NOT s.known OR s.on_hand_milli >= 0, s.on_hand_milli, 0),
    ('below_reorder_point', s.known AND position.milli < r.reorder_point_milli,
     NOT s.known OR r.reorder_point_milli IS NULL
         OR position.milli >= r.reorder_point_milli * (1 + CAST(:hysteresis AS numeric)),
     position.milli, coalesce(r.reorder_point_milli, 0)),
    ('sensor_disagrees', s.known AND abs(sensor.apart) > sensor.tolerance AND NOT reading.moved_since,
     NOT s.known OR s.sensed_at IS NULL OR abs(sensor.apart) <= sensor.tolerance * (1 - :hysteresis)
         OR s.counted_at > s.sensed_at,
     coalesce(sensor.apart, 0), sensor.tolerance)
) AS v (rule, opens, closes, value_milli, limit_milli)
WHERE v.opens OR EXISTS (
    SELECT FROM alerts a
    WHERE a.rule = v.rule AND a.subject = s.product_id::text || '/' || s.location_id::text AND a.closed_at IS NULL
)
