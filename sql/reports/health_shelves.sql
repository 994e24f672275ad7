-- Inventory health, shelf by shelf: state, stock, days of cover, days until a delivery can come, units beyond 13 weeks of sales, and value at average
-- cost, or at selling price where no costs are recorded; empty and nearly empty ones first, then where most money stands idle.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter state text: out, at risk, healthy, excess, dead or cannot judge; all of them where left out
-- parameter rows integer: rows at most; all of them where left out
WITH
-- part unit_values,
-- part shelf_states
SELECT sku, name, department, category, code, location, state, why, on_hand, unit, coming, cover_days, wait_days, excess_units,
       excess_units * unit_value AS excess_value, value, currency, valued_at,
       last_sale_at, count(*) OVER () AS found
FROM shelf_states
WHERE $state IS NULL OR state = $state
ORDER BY CASE state WHEN 'out' THEN 0 WHEN 'at risk' THEN 1 ELSE 2 END, excess_value DESC NULLS LAST, sold_28 DESC,
         sku, code
LIMIT $rows
