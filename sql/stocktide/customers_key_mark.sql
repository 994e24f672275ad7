-- The mark of the key under which customers were made; all have the same.
SELECT key_mark FROM customers WHERE key_mark IS NOT NULL LIMIT 1
