-- Locations that GS1 numbered: by their code or by an attribute; and those with one of these codes.
SELECT code, attributes ->> 'sgln' AS sgln, attributes ->> 'gln' AS gln
FROM locations
WHERE code LIKE 'urn:epc:id:sgln:%' OR code LIKE 'http%' OR code ~ '^[0-9]{13}$'
   OR attributes ?| ARRAY['sgln', 'gln'] OR code = ANY(CAST(:codes AS text[]))
ORDER BY location_id
