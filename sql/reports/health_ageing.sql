-- Ageing of stock: its value by days since it came (first in, first out), by department and currency, at average cost, or at selling
-- price where no costs are recorded. What was there before the ledger's first receipt of it is a band of its own.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
WITH
-- part unit_values,
-- part stock_ages
SELECT department, currency, band, any_value(valued_at) AS valued_at, count(DISTINCT (product_id, location_id)) AS shelves,
       coalesce(sum(value), 0) AS value, count(*) FILTER (WHERE value IS NULL) AS without_value
FROM stock_ages
GROUP BY department, currency, band
ORDER BY department, currency, min(coalesce(age_days, 2147483647))
