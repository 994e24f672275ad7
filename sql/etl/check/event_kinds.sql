-- What kinds do, against the rules of this version.
SELECT count(*) AS rows,
       count(*) FILTER (WHERE to_jsonb(k) IS DISTINCT FROM t.rule) AS differ
FROM event_kinds k
FULL JOIN (SELECT rule, rule ->> 'kind' AS kind FROM jsonb_array_elements(CAST(:kinds AS jsonb)) AS e (rule)) t
    USING (kind)
