-- What open lines cost and risk, by currency: amounts at risk are counted at selling prices. Binds: :states.
SELECT 'cost' AS what, coalesce(currency, '') AS currency,
       sum(coalesce(buyer_milli, proposed_milli)::numeric * price_micros / 1000)::float8 / 1e6 AS amount
FROM order_lines
WHERE state = ANY(:states) AND price_micros IS NOT NULL
GROUP BY currency
UNION ALL
SELECT 'at_risk', coalesce(explanation ->> 'sells_in', ''), sum(at_risk_micros)::float8 / 1e6
FROM order_lines
WHERE state = ANY(:states) AND at_risk_micros IS NOT NULL
GROUP BY explanation ->> 'sells_in'
ORDER BY what, currency
