-- Refuse what follows in the same transaction where a customer was erased since. Binds: $1 the newest erasure that is
-- known.
SELECT CASE WHEN coalesce((SELECT erasure FROM customers WHERE erasure IS NOT NULL ORDER BY erasure DESC LIMIT 1), 0)
                 = $1::bigint THEN 0 ELSE refuse_erased() END
