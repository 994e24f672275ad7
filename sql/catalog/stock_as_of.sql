-- Stock of one pair as of :at, from what was recorded up to :known_at: the newest count until then plus every movement
-- after it (book), and on_hand where it is known by then: counted or delivered, and not below zero. No row if nothing was
-- recorded of the pair. A transaction is recorded when it begins: one that is still open at :known_at is seen there once
-- it commits.
-- Binds: :sku, :location, :at, :known_at.
WITH known AS (
    SELECT l.kind, l.quantity_milli, l.observed_milli, l.occurred_at, l.entry_id, l.corrects, e.shows_stock,
           l.entry_id - l.leg AS first_entry_id
    FROM ledger l
    JOIN event_kinds e USING (kind)
    WHERE l.product_id = (SELECT product_id FROM products WHERE sku = :sku)
      AND l.location_id = (SELECT location_id FROM locations WHERE code = :location)
      AND l.occurred_at <= CAST(:at AS timestamptz)
      AND l.recorded_at <= CAST(:known_at AS timestamptz)
),
counted AS (
    SELECT observed_milli, occurred_at
    FROM known
    WHERE is_stock_count(kind) AND corrects IS NULL
      AND entry_id NOT IN (SELECT corrects FROM known WHERE corrects IS NOT NULL)
    ORDER BY occurred_at DESC, entry_id DESC
    LIMIT 1
)
SELECT known_stock(f.known, f.book_milli) AS on_hand_milli, f.book_milli, f.known, f.counted_at
FROM (
    SELECT (coalesce(min(c.observed_milli), 0)
            + coalesce(sum(k.quantity_milli) FILTER (
                  WHERE c.occurred_at IS NULL OR k.occurred_at > c.occurred_at), 0))::bigint AS book_milli,
           coalesce(bool_or(k.shows_stock) FILTER (
               WHERE k.corrects IS NULL
                 AND k.first_entry_id NOT IN (SELECT corrects FROM known WHERE corrects IS NOT NULL)), false) AS known,
           min(c.occurred_at) AS counted_at
    FROM known k
    LEFT JOIN counted c ON true
    HAVING count(*) > 0
) f
