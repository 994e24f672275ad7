-- A page of a list of the desk, stored in some states, with how many lines there are and what all of them cost and risk by
-- currency. Sales that a shop and the warehouse that supplies it would both lose of a product count once. received: what came of
-- an ordered line's product at its place under its order. today: by the clock of the place. price_set: who set the price in the
-- last days, when, and what it was before. sort: risk, cost, product, location, supplier or expected. A page beyond the last has one row, with the sums
-- and no line.
WITH found AS MATERIALIZED (
    SELECT o.line_id, round(coalesce(o.buyer_milli, o.proposed_milli) * o.price_micros::numeric / 1e9, 2) AS amount,
           coalesce(o.currency, '') AS currency, o.at_risk_micros,
           -- a line's explanation is long, and is read where nothing shorter knows
           CASE WHEN o.at_risk_micros IS NOT NULL
                THEN coalesce(st.currency, p.currency, o.explanation ->> 'sells_in', '') END AS sells_in,
           o.product AS sku, o.source IS NOT NULL AS is_sent, coalesce(o.source, o.location) AS pool,
           coalesce(p.name, o.product) AS product, coalesce(l.name, o.location) AS location, coalesce(s.name, o.supplier) AS supplier,
           o.expected_on, o.received_milli
    FROM listed_lines o
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    LEFT JOIN stock st ON st.product_id = p.product_id AND st.location_id = l.location_id
    LEFT JOIN suppliers s ON s.supplier = o.supplier AND s.withdrawn_at IS NULL
    WHERE o.state = ANY(:states) AND :list = ANY(o.lists)
      AND (CAST(:supplier AS text) IS NULL OR o.supplier = :supplier)
      AND (CAST(:product AS text) IS NULL OR o.product = :product)
      AND (CAST(:location AS text) IS NULL OR o.location = :location)
      AND (CAST(:department AS text) IS NULL OR p.department = :department)
      AND (CAST(:category AS text) IS NULL OR p.category = :category)
),
page AS (
    SELECT line_id, received_milli, row_number() OVER (
               ORDER BY CASE WHEN :sort = 'cost' THEN amount END DESC NULLS LAST,
                        CASE :sort WHEN 'product' THEN product WHEN 'location' THEN location WHEN 'supplier' THEN supplier END,
                        CASE WHEN :sort = 'expected' THEN expected_on END,
                        coalesce(at_risk_micros, 0) DESC, line_id) AS number
    FROM found
),
-- what a warehouse's shops would lose without its goods the warehouse's own order is for as well: it counts once
risks AS (
    SELECT sells_in, greatest(sum(at_risk_micros) FILTER (WHERE is_sent), sum(at_risk_micros) FILTER (WHERE NOT is_sent)) AS at_risk_micros
    FROM found
    WHERE at_risk_micros IS NOT NULL
    GROUP BY sells_in, pool, sku
),
offered AS MATERIALIZED (
    SELECT DISTINCT o.supplier, o.product
    FROM page
    JOIN order_lines o USING (line_id)
    WHERE page.number > :offset AND page.number <= :offset + :limit AND o.source IS NULL
),
prices AS (
    SELECT supplier, product, jsonb_build_object('by', recorded_by, 'at', recorded_at, 'before', before / 1e6::float8) AS price_set
    FROM (SELECT s.*, lag(s.price_micros) OVER (PARTITION BY supplier, product ORDER BY s.recorded_at) AS before
          FROM supplier_products s
          JOIN offered USING (supplier, product)) s
    WHERE withdrawn_at IS NULL AND recorded_at > now() - make_interval(days => :price_days) AND before IS DISTINCT FROM price_micros
),
sums AS (
    SELECT (SELECT count(*)::int FROM found) AS found,
           (SELECT coalesce(jsonb_object_agg(currency, amount), '{}')
            FROM (SELECT currency, sum(amount) AS amount FROM found WHERE amount IS NOT NULL GROUP BY currency) one
           ) AS cost,
           (SELECT coalesce(jsonb_object_agg(sells_in, amount), '{}')
            FROM (SELECT sells_in, round(sum(at_risk_micros) / 1e6, 2) AS amount FROM risks GROUP BY sells_in) one
           ) AS at_risk_sums
)
SELECT o.line_id, o.supplier, coalesce(s.name, o.supplier) AS supplier_name, o.product, coalesce(p.name, o.product) AS product_name,
       p.unit, p.category, p.department, o.location, coalesce(l.name, o.location) AS location_name, o.source,
       coalesce(f.name, o.source) AS source_name, o.state, o.order_run_id,
       o.proposed_milli, o.buyer_milli, coalesce(o.buyer_milli, o.proposed_milli) AS quantity_milli, o.explanation,
       o.at_risk_micros, o.snoozed_until, o.approved_by, o.price_micros, o.currency, o.order_id, o.order_line, o.ordered_milli,
       o.expected_on, po.ordered_at, page.received_milli,
       local_date(now(), l.timezone) AS today, o.version, o.made_at, o.changed_at, pr.price_set, sums.found, sums.cost, sums.at_risk_sums
FROM sums
LEFT JOIN page ON page.number > :offset AND page.number <= :offset + :limit
LEFT JOIN order_lines o USING (line_id)
LEFT JOIN products p ON p.sku = o.product
LEFT JOIN locations l ON l.code = o.location
LEFT JOIN locations f ON f.code = o.source
LEFT JOIN suppliers s ON s.supplier = o.supplier AND s.withdrawn_at IS NULL
LEFT JOIN purchase_orders po USING (order_id)
LEFT JOIN prices pr ON pr.supplier = o.supplier AND pr.product = o.product AND o.source IS NULL
ORDER BY page.number
