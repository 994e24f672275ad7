-- Fold stock from the ledger; costs come after it.
INSERT INTO stock (product_id, location_id, on_hand_milli, counted_at, known, last_sale_at, price_micros, currency,
                   promotion, price_at, sensed_milli, sensed_at, sales_score, sales_score_at)
SELECT f.product_id, f.location_id, f.on_hand_milli, f.counted_at, f.known, f.last_sale_at, f.price_micros, f.currency,
       f.promotion, f.price_at, f.sensed_milli, f.sensed_at, coalesce(t.sales_score, 0), t.sales_score_at
FROM stock_fold f
LEFT JOIN score_fold(:half_life_s) t USING (product_id, location_id)
