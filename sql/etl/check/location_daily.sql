-- The sums of locations' days against the days that they sum.
WITH wanted AS (
    SELECT location_id, day, unit, currency, sum(sold_milli) AS sold_milli, sum(returned_milli) AS returned_milli,
           sum(revenue_micros) AS revenue_micros, sum(orders) AS orders, sum(out_of_stock) AS out_of_stock,
           sum(active) AS active
    FROM (SELECT d.location_id, d.day, p.unit, d.currency, d.sold_milli, d.returned_milli, d.revenue_micros, d.orders,
                 d.censored::int AS out_of_stock, 1 AS active
          FROM daily_demand d
          JOIN products p USING (product_id)
          UNION ALL
          SELECT d.location_id, d.day, p.unit, o.key, 0, 0, o.value::bigint, 0, 0, 0
          FROM daily_demand d
          JOIN products p USING (product_id)
          CROSS JOIN jsonb_each_text(d.other_revenue) o
          WHERE d.other_revenue IS NOT NULL) counted
    GROUP BY location_id, day, unit, currency
)
SELECT count(*) AS rows,
       count(*) FILTER (
           WHERE (l.sold_milli, l.returned_milli, l.revenue_micros, l.orders, l.out_of_stock, l.active)
                 IS DISTINCT FROM
                 (d.sold_milli, d.returned_milli, d.revenue_micros, d.orders, d.out_of_stock, d.active)) AS differ
FROM location_daily l
FULL JOIN wanted d USING (location_id, day, unit, currency)
