-- The locations that some places may be, by their code or by an attribute. keys: of epcis_place_key.
SELECT code, attributes ->> 'sgln' AS sgln, attributes ->> 'gln' AS gln
FROM locations
WHERE epcis_place_key(code) = ANY(CAST(:keys AS text[]))
   OR epcis_place_key(attributes ->> 'gln') = ANY(CAST(:keys AS text[]))
   OR epcis_place_key(attributes ->> 'sgln') = ANY(CAST(:keys AS text[]))
ORDER BY location_id
