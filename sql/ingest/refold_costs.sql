-- Take the steps of products' average costs again from a block of entries on, where there are any from there.
-- Binds: $1 products, $2 blocks.
SELECT refold_costs(t.product_id, t.block)
FROM unnest($1::int[], $2::bigint[]) AS t (product_id, block)
WHERE EXISTS (SELECT FROM valuations v WHERE v.product_id = t.product_id AND v.block >= t.block)
ORDER BY t.product_id
