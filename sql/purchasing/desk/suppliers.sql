-- Suppliers with lines of a list, stored in some states: how many, what they cost and risk, and until when an order is of its day; those first that
-- risk most. amount: of lines in one currency; null where prices or currencies are not all known. at_risk: of what sells in one
-- currency, null where it does not. Binds: :list, :states.
WITH asked AS (
    SELECT o.supplier, o.state, o.buyer_milli, coalesce(o.buyer_milli, o.proposed_milli) AS quantity_milli, o.price_micros,
           o.currency, o.at_risk_micros, coalesce(st.currency, p.currency, '') AS sells_in
    FROM listed_lines o
    JOIN products p USING (product_id)
    LEFT JOIN stock st ON st.product_id = o.product_id AND st.location_id = o.location_id
    WHERE o.state = ANY(:states) AND :list = ANY(o.lists)
)
SELECT a.supplier, s.location AS source, coalesce(s.name, a.supplier) AS name, count(*)::int AS lines,
       (count(*) FILTER (WHERE a.buyer_milli IS NOT NULL))::int AS changed,
       (count(*) FILTER (WHERE a.state = 'waiting'))::int AS waiting,
       CASE WHEN count(DISTINCT a.currency) = 1 AND count(a.price_micros) = count(*) AND count(a.currency) = count(*)
            THEN (1e6 * sum(round(a.quantity_milli::numeric * a.price_micros / 1e9, 2)))::float8 END AS amount_micros,
       min(a.currency) AS currency,
       CASE WHEN count(DISTINCT a.sells_in) = 1 THEN sum(coalesce(a.at_risk_micros, 0))::float8 END AS at_risk_micros,
       nullif(CASE WHEN count(DISTINCT a.sells_in) = 1 THEN min(a.sells_in) END, '') AS sells_in,
       s.minimum_value_micros, s.cutoff, s.timezone, s.order_days
FROM asked a
LEFT JOIN suppliers s ON s.supplier = a.supplier AND s.withdrawn_at IS NULL
GROUP BY a.supplier, s.location, s.name, s.minimum_value_micros, s.cutoff, s.timezone, s.order_days
ORDER BY sum(coalesce(a.at_risk_micros, 0)) DESC, a.supplier
