-- Set, change or (where none is given) take away reorder points; has the evaluator judge their pairs again. Nothing is
-- written if a product or location is unknown: the answer names them.
WITH wanted AS (
    SELECT t.product, t.location, t.milli, p.product_id, l.location_id
    FROM unnest(CAST(:products AS text[]), CAST(:locations AS text[]), CAST(:milli AS bigint[]))
        AS t (product, location, milli)
    LEFT JOIN products p ON p.sku = t.product
    LEFT JOIN locations l ON l.code = t.location
),
missing AS (
    SELECT product, location, product_id, location_id FROM wanted WHERE product_id IS NULL OR location_id IS NULL
),
put AS (
    INSERT INTO reorder_points AS r (product_id, location_id, reorder_point_milli, updated_by)
    SELECT product_id, location_id, milli, :by
    FROM wanted
    WHERE milli IS NOT NULL AND NOT EXISTS (SELECT FROM missing)
    ORDER BY product_id, location_id
    ON CONFLICT (product_id, location_id) DO UPDATE
    SET reorder_point_milli = excluded.reorder_point_milli, updated_by = excluded.updated_by, updated_at = now()
),
taken_away AS (
    DELETE FROM reorder_points r
    USING wanted w
    WHERE w.milli IS NULL AND r.product_id = w.product_id AND r.location_id = w.location_id
      AND NOT EXISTS (SELECT FROM missing)
),
queued AS (
    INSERT INTO stock_changes (product_ids, location_ids)
    SELECT array_agg(product_id), array_agg(location_id)
    FROM wanted
    WHERE NOT EXISTS (SELECT FROM missing)
    HAVING count(*) > 0
)
SELECT product, location, product_id IS NULL AS product_unknown FROM missing ORDER BY product, location LIMIT 1
