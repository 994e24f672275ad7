-- Take the oldest waiting changes, up to about so many pairs, and give each pair once. The rows go in the
-- transaction that writes what follows from them: if it does not commit, they wait again.
WITH first_rows AS (
    SELECT change_id, product_ids FROM stock_changes ORDER BY change_id LIMIT :rows_max
),
oldest AS (
    SELECT change_id
    FROM (
        SELECT change_id,
               sum(cardinality(product_ids)) OVER (ORDER BY change_id) - cardinality(product_ids) AS pairs_before
        FROM first_rows
    ) counted
    WHERE pairs_before < :pairs_max
),
taken AS (
    DELETE FROM stock_changes c USING oldest o WHERE c.change_id = o.change_id
    RETURNING c.product_ids, c.location_ids
),
pairs AS (
    SELECT DISTINCT u.product_id, u.location_id
    FROM taken t
    CROSS JOIN LATERAL unnest(t.product_ids, t.location_ids) AS u (product_id, location_id)
)
SELECT (SELECT count(*) FROM taken) AS changes,
       (SELECT count(*) = :rows_max OR count(*) > (SELECT count(*) FROM oldest) FROM first_rows) AS more,
       coalesce(array_agg(product_id), '{}') AS product_ids,
       coalesce(array_agg(location_id), '{}') AS location_ids
FROM pairs
