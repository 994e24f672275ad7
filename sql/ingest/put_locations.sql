-- Create or change locations; a field that is left out keeps its value; a new one without a time zone is in :new_zone.
INSERT INTO locations AS l (code, name, region, country, timezone, attributes)
SELECT t.code, t.name, t.region, t.country, coalesce(t.timezone, known.timezone, CAST(:new_zone AS text)), coalesce(t.attributes, '{}')
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (
    code text, name text, region text, country text, timezone text, attributes jsonb)
LEFT JOIN locations known USING (code)
ORDER BY t.code
ON CONFLICT (code) DO UPDATE
SET name = coalesce(excluded.name, l.name),
    region = coalesce(excluded.region, l.region),
    country = coalesce(excluded.country, l.country),
    timezone = excluded.timezone,
    attributes = l.attributes || excluded.attributes,
    updated_at = now()
RETURNING location_id
