-- Inventory health: shelves by state and currency, with the value of their stock at average cost and the part of it that is
-- excess or dead; a reason for those that cannot be judged.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
WITH
-- part shelf_states
SELECT state, why, currency, count(*) AS shelves, coalesce(sum(value), 0) AS value,
       coalesce(sum(excess_units * cost), 0) AS excess_value, count(*) FILTER (WHERE value IS NULL) AS without_value
FROM shelf_states
GROUP BY state, why, currency
ORDER BY state, why, currency
