-- What the serving copy of daily_demand has of the pairs $1, $2.
SELECT product_id, location_id, day, sold_milli, returned_milli, revenue_micros, currency,
       other_revenue::text AS other_revenue, orders, price_micros, received_milli,
       adjusted_milli, promotion, on_hand_milli, in_stock_share, censored
FROM daily_demand
WHERE (product_id, location_id) IN (SELECT * FROM unnest($1::text::int[], $2::text::int[]))
