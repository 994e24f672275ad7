-- DuckDB. What the days before its first touched one leave of each pair. Stock that was never shown is what has moved so
-- far, as if it had begun at zero: a delivery to come goes on from there.
SELECT d.product_id, d.location_id,
       coalesce(arg_max({'milli': d.on_hand_milli}, d.day)['milli'],
                sum(d.received_milli + d.returned_milli + d.adjusted_milli - d.sold_milli))::BIGINT AS close_milli,
       arg_max({'milli': d.on_hand_milli}, d.day)['milli'] IS NOT NULL AS close_known,
       arg_max({'micros': d.close_price_micros}, d.day)['micros'] AS close_price_micros,
       arg_max({'currency': d.close_currency}, d.day)['currency'] AS close_currency,
       arg_max(d.close_promotion, d.day) AS close_promotion
FROM daily_demand d
JOIN touched t ON t.product_id = d.product_id AND t.location_id = d.location_id AND d.day < t.first_day
GROUP BY d.product_id, d.location_id
