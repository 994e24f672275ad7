-- Create or change locations; a field that is left out keeps its value.
INSERT INTO locations AS l (code, name, region, country, timezone, attributes)
SELECT code, name, region, country, coalesce(timezone, 'UTC'), coalesce(attributes, '{}')
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (
    code text, name text, region text, country text, timezone text, attributes jsonb)
ORDER BY code
ON CONFLICT (code) DO UPDATE
SET name = coalesce(excluded.name, l.name),
    region = coalesce(excluded.region, l.region),
    country = coalesce(excluded.country, l.country),
    timezone = CASE WHEN excluded.timezone = 'UTC' THEN l.timezone ELSE excluded.timezone END,
    attributes = l.attributes || excluded.attributes,
    updated_at = now()
RETURNING location_id
