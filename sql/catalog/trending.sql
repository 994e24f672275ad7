-- Products that sell most lately: units sold, each counting half after every half-life, as of a time.
-- on_hand: of the places that sold it whose stock is known, null where none is.
-- The score of a pair is kept up to date by the ingest in the pair's stock row; here it is only decayed and summed.
SELECT p.sku AS product, p.name, p.department, p.category, p.unit,
       sum(faded(s.sales_score, s.sales_score_at, CAST(:as_of AS timestamptz), :half_life_s)) AS score,
       max(s.last_sale_at) AS last_sale_at, sum(known_stock(s.known, s.on_hand_milli))::bigint AS on_hand_milli,
       count(known_stock(s.known, s.on_hand_milli)) AS known,
       count(*) FILTER (WHERE s.known AND s.on_hand_milli < 0) AS below_zero, count(*) AS locations
FROM stock s
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE s.sales_score_at IS NOT NULL
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
  AND (CAST(:region AS text) IS NULL OR l.region = :region)
GROUP BY p.product_id
-- a place to which more came back counts against the others
HAVING sum(faded(s.sales_score, s.sales_score_at, CAST(:as_of AS timestamptz), :half_life_s)) > 0
ORDER BY score DESC, p.sku
LIMIT :limit
