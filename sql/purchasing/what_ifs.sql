-- Saved comparisons, the newest first; one of them with its id. asked and answer of one alone.
SELECT w.what_if_id, w.owner, w.name, w.made_at,
       CASE WHEN CAST(:what_if_id AS bigint) IS NOT NULL THEN w.asked END AS asked,
       CASE WHEN CAST(:what_if_id AS bigint) IS NOT NULL THEN w.answer END AS answer,
       coalesce((SELECT jsonb_agg(jsonb_build_object('scenario', a.scenario, 'by', a.applied_by, 'at', a.applied_at,
                                                     'wrote', a.wrote) ORDER BY a.applied_at)
                 FROM what_ifs_applied a WHERE a.what_if_id = w.what_if_id), '[]') AS applied
FROM what_ifs w
WHERE CAST(:what_if_id AS bigint) IS NULL OR w.what_if_id = :what_if_id
ORDER BY w.what_if_id DESC
LIMIT :limit
