-- Update the serving copy of daily_demand to the staged rows; doing it twice changes nothing.
INSERT INTO daily_demand (product_id, location_id, day, sold_milli, returned_milli, revenue_micros, currency,
                          other_revenue, orders, price_micros, received_milli, adjusted_milli, promotion, on_hand_milli, in_stock_share,
                          censored)
SELECT product_id, location_id, day, sold_milli, returned_milli, revenue_micros, currency, other_revenue::jsonb, orders,
       price_micros, received_milli, adjusted_milli, promotion, on_hand_milli, in_stock_share, censored
FROM staged_demand
WHERE NOT gone
ON CONFLICT (product_id, location_id, day) DO UPDATE
SET sold_milli = excluded.sold_milli,
    returned_milli = excluded.returned_milli,
    revenue_micros = excluded.revenue_micros,
    currency = excluded.currency,
    other_revenue = excluded.other_revenue,
    orders = excluded.orders,
    price_micros = excluded.price_micros,
    received_milli = excluded.received_milli,
    adjusted_milli = excluded.adjusted_milli,
    promotion = excluded.promotion,
    on_hand_milli = excluded.on_hand_milli,
    in_stock_share = excluded.in_stock_share,
    censored = excluded.censored
