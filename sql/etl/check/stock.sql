-- Stock against the fold of the ledger. Scores are sums of fractions in another order: a millionth does not count.
SELECT count(*) AS rows,
       count(*) FILTER (
           WHERE (s.product_id IS NULL) <> (f.product_id IS NULL)
              OR (s.on_hand_milli, s.counted_at, s.known, s.last_sale_at, s.price_micros, s.currency, s.promotion,
                  s.price_at, s.sensed_milli, s.sensed_at, s.sales_score_at)
                 IS DISTINCT FROM
                 (f.on_hand_milli, f.counted_at, f.known, f.last_sale_at, f.price_micros, f.currency, f.promotion,
                  f.price_at, f.sensed_milli, f.sensed_at, t.sales_score_at)
              OR abs(s.sales_score - coalesce(t.sales_score, 0)) > 1e-6 * (1 + abs(s.sales_score))) AS differ
FROM stock s
FULL JOIN stock_fold f USING (product_id, location_id)
FULL JOIN score_fold(:half_life_s) t USING (product_id, location_id)
