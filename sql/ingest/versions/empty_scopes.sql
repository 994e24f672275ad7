-- Of scopes that name several things: those that no location, or no product, has together. Binds: :scopes, as jsonb.
SELECT s.number
FROM jsonb_to_recordset(CAST(:scopes AS jsonb))
     AS s (number int, department text, category text, location text, region text, country text)
WHERE NOT EXISTS (SELECT FROM products p WHERE p.department = coalesce(s.department, p.department)
                                           AND p.category = coalesce(s.category, p.category))
      AND s.department IS NOT NULL AND s.category IS NOT NULL
   OR NOT EXISTS (SELECT FROM locations l WHERE (s.location IS NULL OR l.code = s.location)
                                            AND (s.region IS NULL OR l.region = s.region)
                                            AND (s.country IS NULL OR l.country = s.country))
