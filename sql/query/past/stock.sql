-- DuckDB. Stock of a moment of the past, as the table stock has that of now, from the lake's versions of then. On hand is what
-- the newest day with a movement left; cost and price are the newest that were known; what is open is added up by reference.
-- When a shelf was counted or sensed is not looked up: these columns are empty.
WITH corrected AS (
    SELECT corrects, leg FROM input_lake_movements WHERE corrects IS NOT NULL
),
seen AS (
    SELECT m.product_id, m.location_id, max(m.recorded_at) AS updated_at,
           max(m.occurred_at) FILTER (WHERE k.daily = 'sold' AND m.corrects IS NULL AND c.corrects IS NULL) AS last_sale_at
    FROM input_lake_movements m
    JOIN input_kinds k ON k.kind = m.kind
    LEFT JOIN corrected c ON c.corrects = m.entry_id - m.leg AND c.leg = m.leg
    GROUP BY m.product_id, m.location_id
),
commitments AS (
    SELECT m.product_id, m.location_id, coalesce(k.opens, k.closes) AS purpose,
           CASE WHEN 'on_order' IN (k.opens, k.closes) THEN m.order_id ELSE m.reference END AS reference,
           sum(CASE WHEN k.opens IS NULL THEN -m.committed_milli ELSE m.committed_milli END) AS milli
    FROM input_lake_movements m
    JOIN input_kinds k ON k.kind = m.kind
    WHERE m.committed_milli IS NOT NULL
    GROUP BY ALL
),
committed AS (
    SELECT product_id, location_id, sum(milli) FILTER (WHERE purpose = 'on_order') AS on_order,
           sum(milli) FILTER (WHERE purpose = 'in_transit') AS in_transit,
           sum(milli) FILTER (WHERE purpose = 'promised') AS promised
    FROM commitments
    WHERE milli > 0
    GROUP BY product_id, location_id
),
left_behind AS (
    SELECT product_id, location_id, arg_max({'milli': on_hand_milli}, day).milli AS milli
    FROM input_lake_daily_demand
    GROUP BY product_id, location_id
),
costs AS (
    SELECT product_id, location_id, arg_max({'micros': cost_micros, 'currency': currency}, day) AS last
    FROM input_lake_daily_stock
    WHERE cost_micros IS NOT NULL
    GROUP BY product_id, location_id
),
prices AS (
    SELECT product_id, location_id,
           arg_max({'micros': price_micros, 'currency': currency, 'promotion': promotion}, entry_id) AS last
    FROM input_lake_prices
    WHERE until_at IS NULL
    GROUP BY product_id, location_id
)
SELECT s.product_id, s.location_id, CASE WHEN b.milli >= 0 THEN b.milli END AS on_hand_milli, b.milli AS book_milli,
       b.milli IS NOT NULL AS known, NULL::TIMESTAMPTZ AS counted_at, NULL::BIGINT AS sensed_milli, NULL::TIMESTAMPTZ AS sensed_at,
       coalesce(o.on_order, 0)::BIGINT AS on_order_milli, coalesce(o.in_transit, 0)::BIGINT AS in_transit_milli,
       coalesce(o.promised, 0)::BIGINT AS promised_milli, p.last.micros AS price_micros, nullif(p.last.currency, '') AS currency,
       coalesce(p.last.promotion, false) AS promotion, c.last.micros AS cost_micros, nullif(c.last.currency, '') AS cost_currency,
       s.last_sale_at, s.updated_at
FROM seen s
LEFT JOIN left_behind b USING (product_id, location_id)
LEFT JOIN committed o USING (product_id, location_id)
LEFT JOIN prices p USING (product_id, location_id)
LEFT JOIN costs c USING (product_id, location_id)
