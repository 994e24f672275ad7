-- Stock-out cost by shelf, in the last days with data: units that are missing, on days on which it was empty for a time, to the
-- mean of its in-stock days of the same weekday in the four weeks before and after; at the selling price, and the margin of
-- these over the average cost.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 28: length of the period, up to the newest day with data
-- parameter rows integer: rows at most; all of them where left out
WITH period AS (
    SELECT max(day) - $days AS before, max(day) AS last, max(day) + 1 AS open FROM daily_demand
),
-- part lost_units,
lost AS (
    SELECT product_id, location_id, count(*) AS days_out, sum(lost) AS units FROM lost_units GROUP BY product_id, location_id
),
-- the price of the shelf's newest day that has one, else the one that is set
seen AS (
    SELECT d.product_id, d.location_id, arg_max({'amount': d.price, 'currency': d.currency}, d.day) AS last
    FROM daily_demand d
    JOIN period n ON d.day > n.last - 91
    WHERE d.price IS NOT NULL AND d.currency <> ''
    GROUP BY d.product_id, d.location_id
),
priced AS (
    SELECT o.*, coalesce(e.last.amount, k.price, p.price)::DOUBLE AS price, k.cost::DOUBLE AS cost, k.cost_currency,
           CASE WHEN e.last.amount IS NOT NULL THEN e.last.currency WHEN k.price IS NOT NULL THEN k.currency
                ELSE p.currency
           END AS currency
    FROM lost o
    JOIN products p USING (product_id)
    LEFT JOIN stock k USING (product_id, location_id)
    LEFT JOIN seen e USING (product_id, location_id)
)
SELECT p.sku, coalesce(p.name, p.sku) AS name, l.code, coalesce(l.name, l.code) AS location, o.days_out,
       o.units AS lost_units, p.unit, o.currency, o.units * o.price AS lost_sales,
       CASE WHEN o.cost_currency = o.currency THEN o.units * (o.price - o.cost) END AS lost_margin,
       count(*) OVER () AS found
FROM priced o
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
ORDER BY lost_sales DESC NULLS LAST, lost_units DESC, p.sku, l.code
LIMIT $rows
