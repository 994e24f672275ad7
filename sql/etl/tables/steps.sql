-- The steps of the average cost of the pairs $1, $2, or of all where there are none, in their order. valuations_pair serves it.
SELECT valuation_id, product_id, location_id, block, cost_after AS cost_micros, currency
FROM valuations
WHERE cardinality($1::text::int[]) = 0
   OR (product_id, location_id) IN (SELECT * FROM unnest($1::text::int[], $2::text::int[]))
