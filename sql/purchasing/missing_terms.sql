-- What nobody has said of products whose stock is known, those first that are worth most on hand: a supplier, its price, a
-- pack, a lead time. A product has several. Binds: :limit, :offset.
WITH known AS (
    SELECT s.product_id, count(*)::int AS shelves,
           sum(greatest(s.on_hand_milli, 0) * coalesce(s.price_micros, 0)::numeric)::float8 / 1e9 AS worth,
           bool_or(s.cost_micros IS NOT NULL) AS has_cost
    FROM stock s
    WHERE s.known
    GROUP BY s.product_id
),
offers AS (
    -- a warehouse of our own is supplied from outside as well, and what it sends has no price
    SELECT sp.product, bool_or(s.location IS NULL) AS is_sold,
           bool_or(sp.price_micros IS NOT NULL AND s.location IS NULL) AS has_price,
           bool_or(sp.pack_milli IS NOT NULL) AS has_pack,
           bool_or(coalesce(sp.lead_days, s.lead_days) IS NOT NULL) AS has_lead
    FROM supplier_products sp
    JOIN suppliers s ON s.supplier = sp.supplier AND s.withdrawn_at IS NULL AND s.active
    WHERE sp.withdrawn_at IS NULL
    GROUP BY sp.product
),
learnt AS (
    SELECT DISTINCT product FROM lead_times WHERE product IS NOT NULL
),
lacks AS (
    SELECT p.sku AS product, coalesce(p.name, p.sku) AS name, p.unit, k.shelves, k.worth, w.what, w.place, w.is_missing,
           t.product IS NOT NULL AS is_delivered, k.has_cost
    FROM known k
    JOIN products p USING (product_id)
    LEFT JOIN offers o ON o.product = p.sku
    LEFT JOIN learnt t ON t.product = p.sku
    CROSS JOIN LATERAL (VALUES
        ('supplier', 1, o.is_sold IS NOT TRUE),
        ('unit price', 2, o.has_price IS NOT TRUE),
        ('pack', 3, o.has_pack IS NOT TRUE),
        ('lead time', 4, o.has_lead IS NOT TRUE AND t.product IS NULL)
    ) w (what, place, is_missing)
)
SELECT product, name, unit, shelves, worth, what, is_delivered, has_cost, count(*) OVER ()::int AS found
FROM lacks
WHERE is_missing
ORDER BY worth DESC NULLS LAST, product, place
OFFSET :offset
LIMIT :limit
