-- Make the missing pairs and lock all pairs that a batch touches, in one order for everybody:
-- whoever waits here holds no other lock yet, so two batches cannot wait for each other.
WITH wanted AS (
    SELECT DISTINCT product_id, location_id
    FROM unnest(CAST(:product_ids AS int[]), CAST(:location_ids AS int[])) AS t (product_id, location_id)
),
made AS (
    INSERT INTO stock (product_id, location_id)
    SELECT product_id, location_id FROM wanted ORDER BY 1, 2
    ON CONFLICT DO NOTHING
)
SELECT 1
FROM stock
WHERE (product_id, location_id) IN (SELECT product_id, location_id FROM wanted)
ORDER BY product_id, location_id
FOR UPDATE
