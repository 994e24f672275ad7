-- DuckDB. Parts of order lines, what came and what is awaited: days from the order to the receipt, or until $today. A line
-- of which more came than was ordered is of what came. Lines without a supplier are left out, for nobody can lean on them, and
-- those of which goods came before the order: it was written down afterwards, and says nothing of how long they took.
WITH lines AS (
    SELECT product_id, supplier, day, received_days, ordered_milli, greatest(ordered_milli, received_milli) AS whole_milli
    FROM purchases
    WHERE supplier IS NOT NULL AND ordered_milli > 0 AND ordered_at IS NOT NULL
      AND coalesce(first_received_at >= ordered_at, true)
),
parts AS (
    SELECT l.supplier, l.product_id, greatest(r.received.day - l.day, 0) AS days,
           r.received.received_milli / l.whole_milli AS share, true AS came
    FROM lines l, unnest(l.received_days) AS r (received)
    UNION ALL
    SELECT supplier, product_id, greatest(CAST($today AS DATE) - day, 0),
           1 - coalesce(list_sum(list_transform(received_days, lambda part: part.received_milli)), 0) / whole_milli, false
    FROM lines
)
SELECT t.supplier, p.sku AS product, t.days::BIGINT AS days, t.share::DOUBLE AS share, t.came
FROM parts t
JOIN products p USING (product_id)
WHERE t.share > 1e-6
ORDER BY ALL
