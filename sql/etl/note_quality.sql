-- Keep what a rule found. What it names by number is named by its code too.
INSERT INTO quality_checks (rule, what, severity, rows, failed, since, sample)
SELECT :rule, :what, :severity, :rows, :failed, :since,
       coalesce((SELECT jsonb_agg(row || jsonb_strip_nulls(jsonb_build_object('sku', p.sku, 'location', l.code)) ORDER BY n)
                 FROM jsonb_array_elements(CAST(:sample AS jsonb)) WITH ORDINALITY AS s (row, n)
                 LEFT JOIN products p ON p.product_id = (row ->> 'product_id')::int
                 LEFT JOIN locations l ON l.location_id = (row ->> 'location_id')::int), '[]')
