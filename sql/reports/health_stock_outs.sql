-- Stock-out cost by shelf, in the last days with data: units that it sells on a day in stock (average of the last 91 days) less
-- what was sold on days out of stock, at the selling price, and the margin of these over the average cost.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 28: length of the period, up to the newest day with data; 91 at most
-- parameter rows integer: rows at most; all of them where left out
WITH newest AS (
    SELECT max(day) AS day FROM daily_demand
),
days AS (
    SELECT s.product_id, s.location_id, s.day > n.day - $days AS counts, s.out_of_stock,
           coalesce(d.net, 0)::DOUBLE AS net
    FROM daily_stock s
    JOIN newest n ON s.day > n.day - 91 AND s.day <= n.day
    LEFT JOIN daily_demand d ON d.product_id = s.product_id AND d.location_id = s.location_id AND d.day = s.day
),
usual AS (
    SELECT product_id, location_id, greatest(avg(net) FILTER (WHERE NOT out_of_stock), 0) AS units
    FROM days
    GROUP BY product_id, location_id
),
lost AS (
    SELECT d.product_id, d.location_id, count(*) AS days_out, sum(greatest(u.units - d.net, 0)) AS units
    FROM days d
    JOIN usual u USING (product_id, location_id)
    WHERE d.out_of_stock AND d.counts
    GROUP BY d.product_id, d.location_id
),
-- the price of the shelf's newest day that has one, else the one that is set
seen AS (
    SELECT d.product_id, d.location_id, arg_max({'amount': d.price, 'currency': d.currency}, d.day) AS last
    FROM daily_demand d
    JOIN newest n ON d.day > n.day - 91
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
WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
ORDER BY lost_sales DESC NULLS LAST, lost_units DESC, p.sku, l.code
LIMIT $rows
