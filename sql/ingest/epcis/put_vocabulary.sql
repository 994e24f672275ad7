-- Keep master data as captured; the newest word on an element counts.
INSERT INTO epcis_vocabulary (vocabulary, element, attributes, children)
SELECT DISTINCT ON (vocabulary, element) vocabulary, element, coalesce(attributes, '[]'), coalesce(children, '{}')
FROM json_to_recordset(CAST(:rows AS json)) AS t (vocabulary text, element text, attributes json, children text[])
ORDER BY vocabulary, element
ON CONFLICT (vocabulary, element) DO UPDATE
SET attributes = excluded.attributes, children = excluded.children, updated_at = now()
