-- Average what came at its own cost into the cost of the stock that was there; goods from another place bring that
-- place's cost. Stock has moved and the pairs are locked already, so the other stock is what is there less what came.
-- Each step is kept, so that the average can be proved. Binds: $1 rows.
WITH came AS (
    SELECT t.product_id, t.location_id, sum(t.quantity_milli)::bigint AS quantity_milli,
           round(sum(t.quantity_milli::numeric * coalesce(t.cost_micros, f.cost_micros)) / sum(t.quantity_milli))::bigint
               AS cost_micros
    FROM jsonb_to_recordset($1::jsonb) AS t (product_id int, location_id int, quantity_milli bigint,
                                             cost_micros bigint, from_location_id int)
    LEFT JOIN stock f ON f.product_id = t.product_id AND f.location_id = t.from_location_id
    WHERE coalesce(t.cost_micros, f.cost_micros) IS NOT NULL
    GROUP BY t.product_id, t.location_id
),
step AS (
    SELECT c.product_id, c.location_id, c.quantity_milli, c.cost_micros, s.cost_micros AS cost_before,
           greatest(0, s.on_hand_milli - c.quantity_milli) AS other_milli
    FROM came c
    JOIN stock s USING (product_id, location_id)
),
kept AS (
    INSERT INTO valuations (product_id, location_id, other_milli, cost_before, came_milli, came_cost, cost_after)
    SELECT product_id, location_id, other_milli, cost_before, quantity_milli, cost_micros,
           moving_average(other_milli, cost_before, quantity_milli, cost_micros)
    FROM step
    ORDER BY product_id, location_id
    RETURNING product_id, location_id, cost_after
)
UPDATE stock s
SET cost_micros = k.cost_after
FROM kept k
WHERE s.product_id = k.product_id AND s.location_id = k.location_id
