-- Ageing of stock, shelf by shelf: units and value on hand by days since they came (first in, first out), those with most money in
-- stock of more than 90 days, or from before the ledger, first.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter rows integer: rows at most; all of them where left out
WITH
-- part unit_values,
-- part stock_ages
SELECT sku, any_value(name) AS name, any_value(department) AS department, any_value(category) AS category, code,
       any_value(location) AS location, any_value(on_hand)::DOUBLE AS on_hand, any_value(unit) AS unit,
       max(age_days) AS oldest_days, sum(units) FILTER (WHERE age_days IS NULL) AS units_before_ledger,
       sum(value) FILTER (WHERE age_days <= 30) AS value_0_30, sum(value) FILTER (WHERE age_days BETWEEN 31 AND 60) AS value_31_60,
       sum(value) FILTER (WHERE age_days BETWEEN 61 AND 90) AS value_61_90,
       sum(value) FILTER (WHERE age_days BETWEEN 91 AND 180) AS value_91_180,
       sum(value) FILTER (WHERE age_days > 180) AS value_over_180, sum(value) FILTER (WHERE age_days IS NULL) AS value_before_ledger,
       sum(value) AS value, any_value(currency) AS currency, any_value(valued_at) AS valued_at, count(*) OVER () AS found
FROM stock_ages
GROUP BY sku, code
ORDER BY sum(value) FILTER (WHERE age_days > 90 OR age_days IS NULL) DESC NULLS LAST, value DESC NULLS LAST, sku, code
LIMIT $rows
