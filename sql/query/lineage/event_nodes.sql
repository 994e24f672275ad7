-- The items of a run that a product at a location is in, from its own to the whole chain. products: the names that it may
-- have there, its own first, then those under which best sellers leave others pooled.
WITH wanted AS (
    SELECT name, place FROM unnest(CAST(:products AS text[])) WITH ORDINALITY AS p (name, place)
),
named AS (
    SELECT w.name
    FROM wanted w
    WHERE EXISTS (SELECT FROM forecast_nodes n
                  WHERE n.forecast_run_id = :forecast_run_id AND n.keys @> jsonb_build_object('product', w.name))
    ORDER BY w.place
    LIMIT 1
)
SELECT n.node_id, n.level_name, n.label
FROM forecast_nodes n
WHERE n.forecast_run_id = :forecast_run_id
  AND n.keys <@ (CAST(:keys AS jsonb) || jsonb_build_object('product', (SELECT name FROM named)))
ORDER BY n.level DESC, n.node_id
