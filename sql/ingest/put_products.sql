-- Create or change products; a field that is left out keeps its value.
INSERT INTO products AS p (sku, name, department, category, unit, packs, price_micros, currency, attributes)
SELECT t.sku, t.name, t.department, t.category, coalesce(t.unit, known.unit, 'each'), coalesce(t.packs, '{}'),
       t.price_micros, t.currency, coalesce(t.attributes, '{}')
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (
    sku text, name text, department text, category text, unit text, packs jsonb, price_micros bigint,
    currency text, attributes jsonb)
LEFT JOIN products known USING (sku)
ORDER BY t.sku
ON CONFLICT (sku) DO UPDATE
SET name = coalesce(excluded.name, p.name),
    department = coalesce(excluded.department, p.department),
    category = coalesce(excluded.category, p.category),
    unit = excluded.unit,
    packs = p.packs || excluded.packs,
    price_micros = coalesce(excluded.price_micros, p.price_micros),
    currency = coalesce(excluded.currency, p.currency),
    attributes = p.attributes || excluded.attributes,
    updated_at = now()
RETURNING product_id
