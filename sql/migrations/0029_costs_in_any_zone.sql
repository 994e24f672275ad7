-- A cost in another currency at a place whose time zone this server does not know counts on the day in UTC, as its days
-- elsewhere do: an error would stop every receipt of the place, and `stocktide check` for all.
CREATE OR REPLACE FUNCTION rate_of_goods(goods_currency text, pair_currency text, at timestamptz, at_location integer)
    RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN goods_currency IS NULL OR pair_currency IS NULL OR goods_currency = pair_currency THEN 1
                ELSE rate_on(goods_currency, pair_currency,
                             local_date(at, (SELECT timezone FROM locations WHERE location_id = at_location))) END
$$;
