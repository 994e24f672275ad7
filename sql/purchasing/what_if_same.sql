-- Scenarios with the same content, of the same lines, that were applied, the newest first. Binds: :what_if_id, :scenario, by
-- which it is left out itself; :scope, :told, as jsonb.
SELECT w.name, a.scenario, a.applied_by, a.applied_at::date AS applied_on
FROM what_ifs_applied a
JOIN what_ifs w USING (what_if_id)
CROSS JOIN jsonb_array_elements(w.asked -> 'scenarios') AS s (told)
WHERE s.told ->> 'name' = a.scenario
  AND jsonb_strip_nulls(s.told) - 'name' = jsonb_strip_nulls(CAST(:told AS jsonb)) - 'name'
  AND w.asked -> 'scope' = CAST(:scope AS jsonb)
  AND (a.what_if_id, a.scenario) <> (:what_if_id, :scenario)
ORDER BY a.applied_at DESC
LIMIT 1
