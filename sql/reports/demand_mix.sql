-- Mix: units sold, and revenue of sales less returns by currency, of each category in the period and in the same period of
-- last year. The period ends on the newest day that is over.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 28: length of the period
-- parameter open date: first day that is not over; none where left out
-- parameter fiscal boolean = true: last year is 52 weeks before, week beside week; false: the same dates of the calendar
-- parameter like_for_like boolean = false: only shops that sold from the first week of the earlier period to the last of the later one
-- parameter weekday integer: weekday, 1 is Monday; all of them where left out
-- parameter hour integer: hour of the location's own clock, from 0 on; all of them where left out
-- parameter month integer: month of the year; all of them where left out
WITH
-- part shop_spans,
-- part demand_narrowed,
period AS (
    SELECT least(max(day), coalesce($open::DATE - 1, max(day))) AS last, (last - $days + 1)::DATE AS first,
           CASE WHEN $fiscal THEN last - 364 ELSE (last - INTERVAL 1 YEAR)::DATE END AS last_before,
           CASE WHEN $fiscal THEN first - 364 ELSE (first - INTERVAL 1 YEAR)::DATE END AS first_before
    FROM daily_demand
),
shops AS (
    SELECT location_id
    FROM shop_spans, period
    WHERE NOT $like_for_like OR (first_sold < first_before + 7 AND last_sold > last - 7)
)
SELECT p.department, p.category, p.unit, d.currency,
       coalesce(sum(d.sold) FILTER (WHERE day >= first), 0)::DOUBLE AS sold,
       coalesce(sum(d.sold) FILTER (WHERE day <= last_before), 0)::DOUBLE AS sold_before,
       coalesce(sum(d.revenue) FILTER (WHERE day >= first), 0)::DOUBLE AS net_sales,
       coalesce(sum(d.revenue) FILTER (WHERE day <= last_before), 0)::DOUBLE AS net_sales_before,
       any_value(first) AS first, any_value(last) AS last, any_value(first_before) AS first_before,
       any_value(last_before) AS last_before, (SELECT count(*) FROM shops JOIN locations l USING (location_id) WHERE $location IS NULL OR l.code = $location) AS shops
FROM demand_narrowed d
JOIN period ON day BETWEEN first AND last OR day BETWEEN first_before AND last_before
JOIN shops USING (location_id)
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
GROUP BY p.department, p.category, p.unit, d.currency
ORDER BY p.unit, sold DESC, p.department, p.category, d.currency
