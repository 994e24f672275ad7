-- Stock of one pair as of :at, from what was recorded up to :known_at: the newest count until then plus every movement
-- after it (book), on_hand where it is known by then (counted or delivered, and not below zero), and what was on order, in
-- transit and promised: opened and not yet closed under its reference. No row if nothing was recorded of the pair. A transaction is recorded when it begins: one that is still open at :known_at is seen there once
-- it commits.
-- Binds: :sku, :location, :at, :known_at.
WITH known AS (
    SELECT l.kind, l.quantity_milli, l.observed_milli, l.occurred_at, l.entry_id, l.corrects, e.shows_stock,
           l.entry_id - l.leg AS first_entry_id, l.committed_milli, coalesce(e.opens, e.closes) AS purpose,
           CASE WHEN e.reference = 'order_id' THEN l.order_id ELSE l.reference END AS reference,
           e.opens IS NOT NULL AS opens
    FROM ledger l
    JOIN event_kinds e USING (kind)
    WHERE l.product_id = (SELECT product_id FROM products WHERE sku = :sku)
      AND l.location_id = (SELECT location_id FROM locations WHERE code = :location)
      AND l.occurred_at <= CAST(:at AS timestamptz)
      AND l.recorded_at <= CAST(:known_at AS timestamptz)
),
open AS (
    SELECT purpose, greatest(sum(CASE WHEN opens THEN committed_milli ELSE -committed_milli END), 0)::bigint AS milli
    FROM known
    WHERE committed_milli IS NOT NULL
    GROUP BY purpose, reference
),
counted AS (
    SELECT observed_milli, occurred_at
    FROM known
    WHERE is_stock_count(kind) AND corrects IS NULL
      AND entry_id NOT IN (SELECT corrects FROM known WHERE corrects IS NOT NULL)
    ORDER BY occurred_at DESC, entry_id DESC
    LIMIT 1
)
SELECT known_stock(f.known, f.book_milli) AS on_hand_milli, f.book_milli, f.known, f.counted_at, o.*
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
CROSS JOIN (
    SELECT coalesce(sum(milli) FILTER (WHERE purpose = 'on_order'), 0)::bigint AS on_order_milli,
           coalesce(sum(milli) FILTER (WHERE purpose = 'in_transit'), 0)::bigint AS in_transit_milli,
           coalesce(sum(milli) FILTER (WHERE purpose = 'promised'), 0)::bigint AS promised_milli
    FROM open
) o
