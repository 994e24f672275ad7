-- DuckDB. One copy of daily_demand against another, row by row. Shares of a day are sums of fractions in another order.
SELECT count(*) AS rows,
       count(*) FILTER (
           WHERE (c.sold_milli, c.returned_milli, c.revenue_micros, c.currency, c.other_revenue, c.orders, c.price_micros, c.received_milli,
                  c.adjusted_milli, c.promotion, c.on_hand_milli, c.censored, c.in_stock_share IS NULL)
                 IS DISTINCT FROM
                 (w.sold_milli, w.returned_milli, w.revenue_micros, w.currency, w.other_revenue, w.orders, w.price_micros, w.received_milli,
                  w.adjusted_milli, w.promotion, w.on_hand_milli, w.censored, w.in_stock_share IS NULL)
              OR c.day IS NULL OR w.day IS NULL
              OR abs(c.in_stock_share - w.in_stock_share) > 1e-9) AS differ
FROM copy c
FULL JOIN wanted w ON (w.product_id, w.location_id, w.day) = (c.product_id, c.location_id, c.day)
