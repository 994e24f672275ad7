-- A page of products as planners look at them: what was sold in the :days days through :through, stock, days of cover,
-- forecast of all periods ahead, what is on order; in an order of their choice, after the row of a sku. found, before: how
-- many there are, and come before the page. at_risk: shelves whose stock is less than the coming week's forecast; null
-- where the forecast is not by day and shelf. Forecasts have the overrides in force in them; is_adjusted: some reach the product.
-- The search takes text in sku, name, department or category; where none has it, those that have at least half of its
-- pieces of three letters (nearest is true then), so that a typo finds what was meant.
WITH pieces AS (
    SELECT DISTINCT substr(text, at, 3) AS piece
    FROM (SELECT '  ' || replace(trim(regexp_replace(lower(:typed), '[^[:alnum:]]+', ' ', 'g')), ' ', '  ') || '  ') q (text)
    CROSS JOIN generate_series(1, length(text) - 2) at
    WHERE trim(substr(text, at, 3)) <> ''
),
narrowed AS MATERIALIZED (
    SELECT p.*,
           :q = '' OR p.sku ILIKE '%' || :q || '%' OR p.name ILIKE '%' || :q || '%'
               OR p.department ILIKE '%' || :q || '%' OR p.category ILIKE '%' || :q || '%' AS has_it
    FROM products p
    WHERE (CAST(:department AS text) IS NULL OR p.department = :department)
      AND (CAST(:category AS text) IS NULL OR p.category = :category)
),
likened AS (
    SELECT n.*, share
    FROM narrowed n
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE position(piece IN '  ' || replace(regexp_replace(lower(
                   concat_ws(' ', n.sku, n.name, n.department, n.category)), '[^[:alnum:]]+', ' ', 'g'), ' ', '  ') || '  ') > 0)
               / nullif(count(*), 0)::float8 AS share
        FROM pieces
    ) alike
    WHERE NOT EXISTS (SELECT FROM narrowed WHERE has_it)
),
wanted AS (
    SELECT product_id, sku, name, department, category, unit, price_micros, currency, false AS nearest, 1.0::float8 AS share
    FROM narrowed WHERE has_it
    UNION ALL
    SELECT product_id, sku, name, department, category, unit, price_micros, currency, true, share
    FROM likened WHERE share >= 0.5
),
place AS (
    SELECT location_id, code FROM locations WHERE CAST(:location AS text) IS NULL OR code = :location
),
held AS (
    SELECT s.product_id, sum(k.milli)::bigint AS on_hand_milli, count(k.milli) AS known,
           count(*) FILTER (WHERE s.known AND s.on_hand_milli < 0) AS below_zero,
           count(*) FILTER (WHERE k.milli = 0) AS out_of_stock, count(*) AS locations,
           count(*) FILTER (WHERE k.milli = 0 AND s.last_sale_at > newest.at - INTERVAL '28 days') AS missed
    FROM stock s
    JOIN place USING (location_id)
    CROSS JOIN LATERAL (SELECT known_stock(s.known, s.on_hand_milli) AS milli) k
    CROSS JOIN (SELECT max(last_sale_at) AS at FROM stock) newest
    GROUP BY s.product_id
),
sales AS (
    SELECT product_id, sum(d.sold_milli) / 1000.0::float8 AS sold
    FROM daily_demand d
    JOIN place USING (location_id)
    WHERE d.day > CAST(:through AS date) - CAST(:days AS int) AND d.day <= CAST(:through AS date)
    GROUP BY product_id
),
run AS (
    SELECT r.forecast_run_id, r.cutoff, r.horizon_days, r.frequency
    FROM published_forecast JOIN forecast_runs r USING (forecast_run_id)
),
nodes AS (
    SELECT n.node_id, n.keys ->> 'product' AS sku
    FROM run
    JOIN forecast_nodes n USING (forecast_run_id)
    WHERE n.keys ? 'product'
      AND CASE WHEN CAST(:location AS text) IS NULL
               THEN n.keys = jsonb_build_object('product', n.keys ->> 'product')
               ELSE n.keys = jsonb_build_object('product', n.keys ->> 'product', 'location', CAST(:location AS text)) END
),
ahead AS (
    SELECT n.sku, sum(f.yhat) AS forecast, bool_or(f.is_adjusted) AS is_adjusted
    FROM nodes n
    CROSS JOIN run
    JOIN forecasts_in_force f ON f.forecast_run_id = run.forecast_run_id AND f.node_id = n.node_id
    GROUP BY n.sku
),
coming AS (
    SELECT c.product_id, sum(c.opened_milli - c.closed_milli) / 1000.0::float8 AS incoming
    FROM commitments c
    JOIN place USING (location_id)
    WHERE c.opened_milli > c.closed_milli AND c.purpose IN ('on_order', 'in_transit')
    GROUP BY c.product_id
),
described AS (
    SELECT w.*, h.on_hand_milli, coalesce(h.known, 0) AS known, coalesce(h.below_zero, 0) AS below_zero,
           coalesce(h.out_of_stock, 0) AS out_of_stock, coalesce(h.locations, 0) AS locations,
           coalesce(s.sold, 0) AS sold, a.forecast, coalesce(a.is_adjusted, false) AS is_adjusted, c.incoming,
           h.on_hand_milli / 1000.0 * run.horizon_days / nullif(a.forecast, 0) AS cover
    FROM wanted w
    LEFT JOIN held h USING (product_id)
    LEFT JOIN sales s USING (product_id)
    LEFT JOIN coming c USING (product_id)
    LEFT JOIN ahead a USING (sku)
    LEFT JOIN run ON true
    WHERE (CAST(:location AS text) IS NULL OR h.product_id IS NOT NULL)
      AND CASE CAST(:state AS text) WHEN 'out' THEN h.missed > 0 WHEN 'below' THEN h.below_zero > 0
                                    WHEN 'unknown' THEN coalesce(h.known, 0) < coalesce(h.locations, 0) ELSE true END
),
ranked AS (
    SELECT d.*, count(*) OVER ()::int AS found,
           row_number() OVER (ORDER BY d.share DESC,
                              CASE :sort WHEN 'sales' THEN -d.sold WHEN 'forecast' THEN -d.forecast WHEN 'cover' THEN d.cover
                                         WHEN 'incoming' THEN -d.incoming WHEN 'out' THEN -d.out_of_stock END NULLS LAST,
                              CASE WHEN :sort = 'name' THEN lower(d.name) END NULLS LAST, d.sku)::int AS row
    FROM described d
),
page AS (
    SELECT * FROM ranked
    WHERE row > coalesce((SELECT row FROM ranked WHERE sku = :after), 0)
    ORDER BY row
    LIMIT :limit
),
risk AS (
    SELECT p.sku, count(*) FILTER (WHERE known_stock(s.known, s.on_hand_milli) / 1000.0 < f.week)::int AS at_risk
    FROM page p
    JOIN run ON run.frequency = 'D'
    JOIN forecast_nodes n ON n.forecast_run_id = run.forecast_run_id AND n.keys ->> 'product' = p.sku
    JOIN place l ON l.code = n.keys ->> 'location'
    JOIN stock s ON s.location_id = l.location_id AND s.product_id = p.product_id
    CROSS JOIN LATERAL (
        SELECT sum(yhat) AS week FROM forecasts_in_force f
        WHERE f.forecast_run_id = n.forecast_run_id AND f.node_id = n.node_id
          AND f.ds > CAST(:through AS date) AND f.ds <= CAST(:through AS date) + 7
    ) f
    GROUP BY p.sku
)
SELECT p.sku, p.name, p.department, p.category, p.unit, p.price_micros, p.currency, p.on_hand_milli, p.known, p.below_zero,
       p.out_of_stock, p.locations, p.sold, p.cover, p.forecast, p.is_adjusted, p.incoming, r.at_risk, p.nearest, p.found,
       p.row - 1 AS before, run.horizon_days
FROM page p
LEFT JOIN run ON true
LEFT JOIN risk r USING (sku)
ORDER BY p.row
