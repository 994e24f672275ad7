-- Whether the lake may name customers by the ids of their senders, and the ledger does not any more. Binds: lake.
SELECT coalesce(count(*) = 1 AND bool_and(place = :lake), false) FROM clear_ids
