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
)
SELECT p.sku, coalesce(p.name, p.sku) AS name, l.code, coalesce(l.name, l.code) AS location, o.days_out,
       o.units AS lost_units, p.unit, coalesce(k.currency, p.currency) AS currency,
       o.units * coalesce(k.price, p.price)::DOUBLE AS lost_sales,
       CASE WHEN k.cost_currency = coalesce(k.currency, p.currency)
            THEN o.units * (coalesce(k.price, p.price) - k.cost)::DOUBLE
       END AS lost_margin, count(*) OVER () AS found
FROM lost o
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
LEFT JOIN stock k USING (product_id, location_id)
WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
ORDER BY lost_sales DESC NULLS LAST, lost_units DESC, p.sku, l.code
LIMIT $rows
