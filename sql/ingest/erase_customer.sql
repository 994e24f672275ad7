-- Destroy what says who a customer is, and leave a tombstone, also of one that no event had named; the caller holds the
-- lock of erasures.
INSERT INTO customers AS c (pseudonym, erasure, erased_at, erased_by, erase_reason)
SELECT :pseudonym, coalesce(max(erasure), 0) + 1, now(), :by, :reason FROM customers
ON CONFLICT (pseudonym) DO UPDATE
SET id_index = NULL, wrapped_key = NULL, fields = NULL, key_mark = NULL, erasure = excluded.erasure,
    erased_at = excluded.erased_at, erased_by = excluded.erased_by, erase_reason = excluded.erase_reason
