-- Costs that are in no average, for want of a rate: by the two currencies, since when, and how many goods and places.
SELECT currency AS base, cost_currency AS quote, min(first_at)::date AS day, sum(goods)::int AS goods,
       count(*)::int AS stocks
FROM costs_without_rate
GROUP BY currency, cost_currency
ORDER BY goods DESC, base, quote
