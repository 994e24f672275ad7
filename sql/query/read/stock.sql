-- Stock of each product at each location, what is open on it, and what it cost.
SELECT s.product_id, s.location_id, known_stock(s.known, s.on_hand_milli) AS on_hand_milli,
       s.on_hand_milli AS book_milli, s.known, s.counted_at, s.sensed_milli, s.sensed_at, q.on_order_milli,
       q.in_transit_milli, q.promised_milli, s.price_micros, s.currency, s.promotion, s.cost_micros, s.cost_currency,
       s.last_sale_at, s.updated_at
FROM stock s
JOIN stock_position q USING (product_id, location_id)
