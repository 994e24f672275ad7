-- The sums of locations' days against the days that they sum.
SELECT count(*) AS rows,
       count(*) FILTER (
           WHERE (l.sold_milli, l.returned_milli, l.revenue_micros, l.orders, l.out_of_stock, l.active)
                 IS DISTINCT FROM
                 (d.sold_milli, d.returned_milli, d.revenue_micros, d.orders, d.out_of_stock, d.active)) AS differ
FROM location_daily l
FULL JOIN (SELECT location_id, day, sum(sold_milli) AS sold_milli, sum(returned_milli) AS returned_milli,
                  sum(revenue_micros) AS revenue_micros, sum(orders) AS orders,
                  count(*) FILTER (WHERE censored) AS out_of_stock, count(*) AS active
           FROM daily_demand GROUP BY location_id, day) d USING (location_id, day)
