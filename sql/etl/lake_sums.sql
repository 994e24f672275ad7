-- DuckDB. Sums of the lake's movements; see ledger_sums.
SELECT count(*),
       coalesce(sum(quantity_milli), 0),
       coalesce(-sum(quantity_milli) FILTER (WHERE k.daily = 'sold'), 0),
       coalesce(sum(quantity_milli) FILTER (WHERE k.daily = 'returned'), 0)
FROM movements
LEFT JOIN event_kinds k USING (kind)
