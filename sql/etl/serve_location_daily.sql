-- Sum the touched days of the touched locations again. A row of a day counts under its own currency; what came in others
-- is revenue only.
WITH touched AS (
    SELECT d.*, p.unit
    FROM daily_demand d
    JOIN products p USING (product_id)
    WHERE (d.location_id, d.day) IN (SELECT DISTINCT location_id, day FROM staged_demand)
)
INSERT INTO location_daily (location_id, day, unit, currency, sold_milli, returned_milli, revenue_micros, orders,
                            out_of_stock, active)
SELECT location_id, day, unit, currency, sum(sold_milli), sum(returned_milli), sum(revenue_micros), sum(orders),
       sum(out_of_stock), sum(active)
FROM (SELECT location_id, day, unit, currency, sold_milli, returned_milli, revenue_micros, orders,
             censored::int AS out_of_stock, 1 AS active
      FROM touched
      UNION ALL
      SELECT t.location_id, t.day, t.unit, o.key, 0, 0, o.value::bigint, 0, 0, 0
      FROM touched t
      CROSS JOIN jsonb_each_text(t.other_revenue) o
      WHERE t.other_revenue IS NOT NULL) counted
GROUP BY location_id, day, unit, currency
