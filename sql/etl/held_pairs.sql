-- The pairs that a stage holds out, the least often tried first, and from which transaction on they miss what they have.
SELECT product_id, location_id, xid_from
FROM held_pairs
WHERE stage = :stage
ORDER BY tries, location_id, product_id
