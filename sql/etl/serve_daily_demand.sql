-- Add the staged rows to the serving copy of daily_demand, in the order of its key: neighbours go to the same page.
INSERT INTO daily_demand (product_id, location_id, day, sold_milli, returned_milli, revenue_micros, currency,
                          other_revenue, orders, price_micros, received_milli, adjusted_milli, promotion, on_hand_milli, in_stock_share,
                          censored)
SELECT product_id, location_id, day, sold_milli, returned_milli, revenue_micros, currency, other_revenue::jsonb, orders,
       price_micros, received_milli, adjusted_milli, promotion, on_hand_milli, in_stock_share, censored
FROM staged_demand
WHERE NOT gone
ORDER BY product_id, location_id, day
