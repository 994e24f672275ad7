-- Inventory health by location, category and currency: value of the stock, and the share of it that is not healthy.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
WITH
-- part unit_values,
-- part shelf_states
SELECT code, location, department, category, currency, count(*) AS shelves, sum(value) AS value,
       coalesce(sum(value) FILTER (WHERE state <> 'healthy'), 0) AS not_healthy,
       coalesce(sum(value) FILTER (WHERE state <> 'healthy'), 0) / sum(value) AS share
FROM shelf_states
WHERE value > 0
GROUP BY code, location, department, category, currency
ORDER BY code, department, category, currency
