-- DuckDB. What a stretch leaves of each pair: its last day, or what was there before where it had none.
SELECT coalesce(w.product_id, o.product_id) AS product_id, coalesce(w.location_id, o.location_id) AS location_id,
       CASE WHEN w.product_id IS NULL THEN o.close_milli
            ELSE coalesce(w.on_hand_milli, coalesce(o.close_milli, 0) + w.moved_milli) END::BIGINT AS close_milli,
       CASE WHEN w.product_id IS NULL THEN o.close_known ELSE w.on_hand_milli IS NOT NULL END AS close_known,
       CASE WHEN w.product_id IS NULL THEN o.close_price_micros ELSE w.close_price_micros END AS close_price_micros,
       CASE WHEN w.product_id IS NULL THEN o.close_currency ELSE w.close_currency END AS close_currency,
       CASE WHEN w.product_id IS NULL THEN o.close_promotion ELSE w.close_promotion END AS close_promotion
FROM opening o
FULL JOIN (SELECT product_id, location_id,
                  sum(received_milli + returned_milli + adjusted_milli - sold_milli) AS moved_milli,
                  arg_max({'milli': on_hand_milli}, day)['milli'] AS on_hand_milli,
                  arg_max({'micros': close_price_micros}, day)['micros'] AS close_price_micros,
                  arg_max({'currency': close_currency}, day)['currency'] AS close_currency,
                  arg_max(close_promotion, day) AS close_promotion
           FROM wanted
           GROUP BY product_id, location_id) w ON w.product_id = o.product_id AND w.location_id = o.location_id
