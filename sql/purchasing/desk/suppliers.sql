-- Suppliers with open lines: how many, what they cost and risk, and until when an order is of its day; those first that risk
-- most. amount: of lines in one currency; null where prices or currencies are not all known.
SELECT o.supplier, s.location AS source, coalesce(s.name, o.supplier) AS name, count(*)::int AS lines,
       (count(*) FILTER (WHERE o.buyer_milli IS NOT NULL))::int AS changed,
       (count(*) FILTER (WHERE o.state = 'waiting'))::int AS waiting,
       CASE WHEN count(DISTINCT o.currency) = 1 AND count(o.price_micros) = count(*) AND count(o.currency) = count(*)
            THEN (1e6 * sum(round(coalesce(o.buyer_milli, o.proposed_milli)::numeric * o.price_micros / 1e9, 2)))::float8 END AS amount_micros,
       min(o.currency) AS currency, sum(coalesce(o.at_risk_micros, 0))::float8 AS at_risk_micros,
       s.minimum_value_micros, s.cutoff, s.timezone, s.order_days
FROM order_lines o
LEFT JOIN suppliers s ON s.supplier = o.supplier AND s.withdrawn_at IS NULL
WHERE o.state = ANY(:states)
GROUP BY o.supplier, s.location, s.name, s.minimum_value_micros, s.cutoff, s.timezone, s.order_days
ORDER BY at_risk_micros DESC, o.supplier
