-- Pareto: products by revenue of sales less returns in the period, by currency, the largest first, with the share that they
-- and all before them have. Class A makes the first 80 %, B the next 15 %, C the rest.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 28: length of the period, up to the newest day with data
-- parameter weekday integer: weekday, 1 is Monday; all of them where left out
-- parameter hour integer: hour of the location's own clock, from 0 on; all of them where left out
-- parameter month integer: month of the year; all of them where left out
WITH
-- part demand_narrowed,
period AS (
    SELECT max(day) - $days AS before FROM daily_demand
),
products_sold AS (
    SELECT d.currency, p.sku, p.name, p.department, p.category, sum(d.revenue)::DOUBLE AS net_sales
    FROM demand_narrowed d
    JOIN period ON d.day > before
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
    GROUP BY ALL
    HAVING sum(d.revenue) > 0
),
ranked AS (
    SELECT *, row_number() OVER ranking AS rank, sum(net_sales) OVER ranking / sum(net_sales) OVER (PARTITION BY currency) AS cumulative_share,
           count(*) OVER (PARTITION BY currency) AS products
    FROM products_sold
    WINDOW ranking AS (PARTITION BY currency ORDER BY net_sales DESC, sku ROWS UNBOUNDED PRECEDING)
)
SELECT currency, rank, sku, name, department, category, net_sales, cumulative_share,
       -- the product that crosses a limit is in the class above it
       CASE WHEN coalesce(lag(cumulative_share) OVER before_it, 0) < 0.8 THEN 'A'
            WHEN lag(cumulative_share) OVER before_it < 0.95 THEN 'B'
            ELSE 'C' END AS class,
       products
FROM ranked
WINDOW before_it AS (PARTITION BY currency ORDER BY rank)
ORDER BY currency, rank
