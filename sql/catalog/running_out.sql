-- Shelves whose stock is less than the coming week's expected demand, those where most money is at risk first, and how
-- many there are; needs a hierarchy whose leaves are location x product. Which days the week has is said by periods_ahead.
-- The forecast has the overrides in force in it; is_adjusted: some reach the shelf. cover: days. missing: units expected beyond the stock; at_risk: what they sell for, converted: in the currency :currency
-- at today's rate. on_order, next_delivery: what is ordered or under way, and the first day that a sender named for it.
WITH coming AS MATERIALIZED (
    SELECT * FROM periods_ahead(coalesce(CAST(:now AS timestamptz), now()), 7)
),
short AS (
    SELECT s.product_id, s.location_id, p.sku, coalesce(p.name, p.sku) AS name, l.code,
           coalesce(l.name, l.code) AS location, p.department, p.category, p.unit,
           s.on_hand_milli / 1000.0::float8 AS on_hand, f.week, f.is_adjusted,
           7 * s.on_hand_milli / 1000.0 / f.week AS cover, f.week - s.on_hand_milli / 1000.0 AS missing,
           coalesce(s.price_micros, p.price_micros) / 1e6::float8 AS price,
           coalesce(s.currency, p.currency, :currency, '') AS currency
    FROM published_forecast pf
    JOIN forecast_nodes n ON n.forecast_run_id = pf.forecast_run_id
        AND n.keys ? 'product' AND n.keys ? 'location'
    JOIN products p ON p.sku = n.keys ->> 'product'
    JOIN locations l ON l.code = n.keys ->> 'location'
    JOIN stock s USING (product_id, location_id)
    JOIN LATERAL (
        SELECT sum(f.yhat * c.share) AS week, bool_or(f.is_adjusted) AS is_adjusted
        FROM forecasts_in_force f
        JOIN coming c USING (ds)
        -- the range lets the index be read in one scan per node
        WHERE f.forecast_run_id = n.forecast_run_id AND f.node_id = n.node_id AND c.timezone = l.timezone
          AND f.ds BETWEEN (SELECT min(ds) FROM coming) AND (SELECT max(ds) FROM coming)
    ) f ON true
    WHERE s.known AND s.on_hand_milli > 0 AND s.on_hand_milli / 1000.0 < f.week
      AND (CAST(:location AS text) IS NULL OR l.code = :location)
      AND (CAST(:department AS text) IS NULL OR p.department = :department)
      AND (CAST(:category AS text) IS NULL OR p.category = :category)
),
rates AS MATERIALIZED (
    SELECT currency, rate_on(currency, CAST(:currency AS text), current_date) AS rate
    FROM (SELECT DISTINCT currency FROM short) named
)
SELECT s.sku, s.name, s.code, s.location, s.department, s.category, s.unit, s.on_hand, s.week, s.is_adjusted,
       s.cover, s.missing, s.currency, s.missing * s.price AS at_risk, (s.missing * s.price * r.rate)::float8 AS converted,
       d.on_order, d.next_delivery, count(*) OVER ()::int AS found,
       sum(s.missing * s.price * r.rate) OVER ()::float8 AS converted_found
FROM short s
JOIN rates r USING (currency)
LEFT JOIN LATERAL (
    SELECT sum(c.opened_milli - c.closed_milli) / 1000.0::float8 AS on_order, min(c.expected_on) AS next_delivery
    FROM commitments c
    WHERE c.product_id = s.product_id AND c.location_id = s.location_id AND c.opened_milli > c.closed_milli
      AND c.purpose IN ('on_order', 'in_transit')
) d ON true
ORDER BY converted DESC NULLS LAST, s.currency, at_risk DESC NULLS LAST, missing DESC, s.sku, s.code
LIMIT :limit
