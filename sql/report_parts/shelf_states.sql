-- Shelves that hold stock, or that are empty though they sold in the last 28 days, each with one state: the first that fits.
newest AS (
    SELECT max(day) AS day FROM daily_demand
),
-- age_days: days since the first movement, 91 for all that are older
paces AS (
    SELECT d.product_id, d.location_id, least(any_value(n.day) - min(d.day) + 1, 91) AS age_days,
           coalesce(sum(d.net) FILTER (WHERE d.day > n.day - 28), 0)::DOUBLE AS sold_28,
           coalesce(sum(d.net) FILTER (WHERE d.day > n.day - 91), 0)::DOUBLE AS sold_91
    FROM daily_demand d
    CROSS JOIN newest n
    GROUP BY d.product_id, d.location_id
),
deliveries AS (
    SELECT product_id, location_id, date_diff('day', ordered_at, first_received_at) AS days
    FROM purchases
    WHERE first_received_at >= ordered_at
),
lead_of_shelf AS (
    SELECT product_id, location_id, median(days) AS days FROM deliveries GROUP BY product_id, location_id
),
lead_of_location AS (
    SELECT location_id, median(days) AS days FROM deliveries GROUP BY location_id
),
-- without orders: days until the next delivery is due, at the average distance of the last 13 weeks' deliveries
due AS (
    SELECT d.product_id, d.location_id,
           greatest((max(d.day) - min(d.day)) / (count(*) - 1) - (any_value(n.day) - max(d.day)), 1) AS days
    FROM daily_demand d
    JOIN newest n ON d.day > n.day - 91
    WHERE d.received > 0
    GROUP BY d.product_id, d.location_id
    HAVING count(*) > 1
),
measured AS (
    SELECT p.sku, coalesce(p.name, p.sku) AS name, p.department, p.category, p.unit, l.code,
           coalesce(l.name, l.code) AS location, k.on_hand::DOUBLE AS on_hand, v.unit_value,
           v.currency, v.valued_at, k.last_sale_at,
           (coalesce(k.on_order, 0) + coalesce(k.in_transit, 0))::DOUBLE AS coming,
           coalesce(a.age_days, 0) AS age_days,
           coalesce(a.sold_28, 0) AS sold_28, coalesce(a.sold_91, 0) AS sold_91,
           coalesce(s.days, o.days, e.days)::DOUBLE AS wait_days,
           CASE WHEN a.sold_28 > 0 THEN k.on_hand::DOUBLE * least(a.age_days, 28) / a.sold_28 END AS cover_days,
           greatest(k.on_hand::DOUBLE - greatest(a.sold_91, 0) * 91 / a.age_days, 0) AS beyond
    FROM stock k
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN unit_values v USING (product_id, location_id)
    LEFT JOIN paces a USING (product_id, location_id)
    LEFT JOIN lead_of_shelf s USING (product_id, location_id)
    LEFT JOIN lead_of_location o USING (location_id)
    LEFT JOIN due e USING (product_id, location_id)
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
      AND (k.on_hand IS NULL OR k.on_hand > 0 OR a.sold_28 > 0)
),
judged AS (
    SELECT *,
           CASE WHEN on_hand IS NULL THEN 'cannot judge'
                WHEN on_hand = 0 THEN 'out'
                WHEN sold_91 <= 0 AND age_days = 91 THEN 'dead'
                WHEN cover_days < wait_days THEN 'at risk'
                WHEN age_days < 28 THEN 'cannot judge'
                WHEN beyond > 0 THEN 'excess'
                WHEN wait_days IS NULL OR sold_91 <= 0 THEN 'cannot judge'
                ELSE 'healthy'
           END AS state
    FROM measured
),
shelf_states AS (
    SELECT *, on_hand * unit_value AS value,
           CASE state WHEN 'dead' THEN on_hand WHEN 'excess' THEN beyond END AS excess_units,
           CASE WHEN state <> 'cannot judge' THEN NULL
                WHEN on_hand IS NULL THEN 'stock unknown'
                WHEN age_days < 28 OR sold_91 <= 0 THEN 'too new'
                ELSE 'lead time missing'
           END AS why
    FROM judged
)
