-- What nobody has said of products whose stock is known, those first that are worth most on hand: a supplier, its price, a
-- pack, a lead time; and of all products, shelves that sell or are to supply shops and were never counted. A product has several.
-- Binds: :limit, :offset.
WITH warehouses AS (
    SELECT DISTINCT s.location, o.product
    FROM suppliers s
    JOIN supplier_products o ON o.supplier = s.supplier AND o.withdrawn_at IS NULL
    WHERE s.location IS NOT NULL AND s.withdrawn_at IS NULL AND s.active
),
known AS (
    SELECT s.product_id, count(*)::int AS shelves,
           sum(greatest(s.on_hand_milli, 0) * coalesce(s.price_micros, 0)::numeric)::float8 / 1e9 AS worth,
           bool_or(s.cost_micros IS NOT NULL) AS has_cost
    FROM stock s
    WHERE s.known
    GROUP BY s.product_id
),
uncounted AS (
    SELECT product_id, count(*)::int AS shelves, bool_and(is_warehouse) AS is_warehouse
    FROM (
        SELECT s.product_id, s.location_id, w.location IS NOT NULL AS is_warehouse
        FROM stock s
        JOIN products p USING (product_id)
        JOIN locations l USING (location_id)
        LEFT JOIN warehouses w ON w.location = l.code AND w.product = p.sku
        WHERE NOT s.known AND (s.last_sale_at IS NOT NULL OR w.location IS NOT NULL)
        UNION
        SELECT p.product_id, l.location_id, true
        FROM warehouses w
        JOIN products p ON p.sku = w.product
        JOIN locations l ON l.code = w.location
        WHERE NOT EXISTS (SELECT FROM stock s WHERE s.product_id = p.product_id AND s.location_id = l.location_id)
    ) shelf
    GROUP BY product_id
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
    SELECT p.sku AS product, coalesce(p.name, p.sku) AS name, p.unit,
           CASE w.what WHEN 'stock' THEN u.shelves ELSE k.shelves END AS shelves, k.worth, w.what, w.place, w.is_missing,
           t.product IS NOT NULL AS is_delivered, k.has_cost, u.is_warehouse
    FROM known k
    FULL JOIN uncounted u USING (product_id)
    JOIN products p USING (product_id)
    LEFT JOIN offers o ON o.product = p.sku
    LEFT JOIN learnt t ON t.product = p.sku
    CROSS JOIN LATERAL (VALUES
        ('stock', 0, u.product_id IS NOT NULL),
        ('supplier', 1, k.product_id IS NOT NULL AND o.is_sold IS NOT TRUE),
        ('unit price', 2, k.product_id IS NOT NULL AND o.has_price IS NOT TRUE),
        ('pack', 3, k.product_id IS NOT NULL AND o.has_pack IS NOT TRUE),
        ('lead time', 4, k.product_id IS NOT NULL AND o.has_lead IS NOT TRUE AND t.product IS NULL)
    ) w (what, place, is_missing)
)
SELECT product, name, unit, shelves, worth, what, is_delivered, has_cost, is_warehouse, count(*) OVER ()::int AS found
FROM lacks
WHERE is_missing
ORDER BY worth DESC NULLS LAST, product, place
OFFSET :offset
LIMIT :limit
