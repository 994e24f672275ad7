-- Average goods of one block of entries into the cost of the stock that was there. Stock has moved and the pairs are
-- locked already. Binds: $1 rows, $2 block.
SELECT value_goods($1::jsonb, $2::bigint)
