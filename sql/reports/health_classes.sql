-- ABC/XYZ, by currency, in the last 91 days with data. A: the products that bring the first 80 % of net sales, B the next 15 %, C the
-- rest. X: weekly units vary by less than half of their mean (standard deviation by mean), Y by less than the mean, Z by more.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
WITH newest AS (
    SELECT max(day) AS day FROM daily_demand
),
sold AS (
    SELECT d.product_id, (n.day - d.day) // 7 AS week, d.currency, d.net, d.revenue
    FROM daily_demand d
    JOIN newest n ON d.day > n.day - 91
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
),
weeks AS (
    SELECT product_id, week, sum(net)::DOUBLE AS units FROM sold GROUP BY product_id, week
),
-- weeks without a movement are zeros: the period has 13
spread AS (
    SELECT product_id, sqrt(greatest(sum(units * units) / 13 - pow(sum(units) / 13, 2), 0)) / nullif(sum(units) / 13, 0) AS cv
    FROM weeks
    GROUP BY product_id
),
sales AS (
    SELECT product_id, currency, sum(revenue)::DOUBLE AS sales FROM sold GROUP BY product_id, currency HAVING sum(revenue) > 0
),
ranked AS (
    SELECT *, sum(sales) OVER (PARTITION BY currency) AS all_sales,
           sum(sales) OVER (PARTITION BY currency ORDER BY sales DESC, product_id) - sales AS before
    FROM sales
)
SELECT r.currency, CASE WHEN r.before < 0.8 * r.all_sales THEN 'A' WHEN r.before < 0.95 * r.all_sales THEN 'B' ELSE 'C' END AS abc,
       CASE WHEN s.cv < 0.5 THEN 'X' WHEN s.cv < 1 THEN 'Y' ELSE 'Z' END AS xyz, count(*) AS products,
       sum(r.sales) AS net_sales, sum(r.sales) / any_value(r.all_sales) AS share,
       array_to_string(list(coalesce(p.name, p.sku) ORDER BY r.sales DESC, p.sku)[1:3], ' · ') AS best_sellers
FROM ranked r
JOIN spread s USING (product_id)
JOIN products p USING (product_id)
GROUP BY r.currency, abc, xyz
ORDER BY r.currency, abc, xyz
