-- The number of the newest erasure; 0 before the first.
SELECT coalesce((SELECT erasure FROM customers WHERE erasure IS NOT NULL ORDER BY erasure DESC LIMIT 1), 0)
