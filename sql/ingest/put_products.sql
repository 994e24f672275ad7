-- Create or change products; a field that is left out keeps its value.
INSERT INTO products AS p (sku, name, department, category, unit, packs, price_micros, currency, attributes)
SELECT sku, name, department, category, coalesce(unit, 'each'), coalesce(packs, '{}'), price_micros, currency, coalesce(attributes, '{}')
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (
    sku text, name text, department text, category text, unit text, packs jsonb, price_micros bigint,
    currency text, attributes jsonb)
ORDER BY sku
ON CONFLICT (sku) DO UPDATE
SET name = coalesce(excluded.name, p.name),
    department = coalesce(excluded.department, p.department),
    category = coalesce(excluded.category, p.category),
    unit = CASE WHEN excluded.unit = 'each' THEN p.unit ELSE excluded.unit END,
    packs = p.packs || excluded.packs,
    price_micros = coalesce(excluded.price_micros, p.price_micros),
    currency = coalesce(excluded.currency, p.currency),
    attributes = p.attributes || excluded.attributes,
    updated_at = now()
RETURNING product_id
