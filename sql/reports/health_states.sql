-- Inventory health: shelves by state and currency, with the value of their stock (at average cost, or at selling price in a
-- chain that records no costs) and the part of it that is excess or dead; a reason for those that cannot be judged.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
WITH
-- part unit_values,
-- part shelf_states
SELECT state, why, currency, any_value(valued_at) AS valued_at, count(*) AS shelves, coalesce(sum(value), 0) AS value,
       coalesce(sum(excess_units * unit_value), 0) AS excess_value, count(*) FILTER (WHERE value IS NULL) AS without_value
FROM shelf_states
GROUP BY state, why, currency
ORDER BY state, why, currency
