-- Periods of the fiscal calendar beside the same ones of the year before, by unit and currency: units sold, and revenue of sales
-- less returns. The period that is not over is beside as many days of the one before.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter open date: first day that is not over; none where left out
-- parameter like_for_like boolean = false: only shops that sold from the first week of the earlier period to the last of the later one
-- parameter fiscal text = calendar: calendar for months, or 4-4-5, 4-5-4 or 5-4-4
-- parameter fiscal_month integer = 1: month that the year begins in
-- parameter fiscal_weekday integer = 7: first weekday of a year of weeks, 1 is Monday
-- parameter fiscal_rule text = nearest: a year of weeks begins on the weekday nearest to the first of its month, or the last before
WITH
-- part fiscal_days,
-- part shop_spans,
-- part period_pairs,
by_day AS (
    SELECT d.day, d.location_id, p.unit, d.currency, sum(d.sold)::DOUBLE AS sold, sum(d.revenue)::DOUBLE AS net_sales
    FROM daily_demand d
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
    GROUP BY ALL
)
SELECT x.year, x.period, x.first, x.last, x.complete, x.first_before, x.last_before, d.unit, d.currency,
       coalesce(sum(d.sold) FILTER (WHERE d.day >= x.first), 0)::DOUBLE AS sold,
       coalesce(sum(d.sold) FILTER (WHERE d.day < x.first), 0)::DOUBLE AS sold_before,
       coalesce(sum(d.net_sales) FILTER (WHERE d.day >= x.first), 0)::DOUBLE AS net_sales,
       coalesce(sum(d.net_sales) FILTER (WHERE d.day < x.first), 0)::DOUBLE AS net_sales_before,
       count(DISTINCT d.location_id) AS shops, any_value(k.first_day) <= x.first_before AS comparable
FROM pairs x
JOIN counted c USING (year, period)
JOIN by_day d ON d.location_id = c.location_id
     AND (d.day BETWEEN x.first AND x.last OR d.day BETWEEN x.first_before AND x.last_before)
CROSS JOIN known k
GROUP BY x.year, x.period, x.first, x.last, x.complete, x.first_before, x.last_before, d.unit, d.currency
ORDER BY x.first DESC, sold DESC, d.unit, d.currency
