-- DuckDB. The pairs whose stock on known shelf-days may be another, and from which day on: those that new movements or new
-- costs tell of, from the day after {newest} on all that moved in the 29 days up to then, and all that have stock on days
-- that daily demand does not reach any more: its last day was corrected away.
SELECT product_id, location_id, min(day) AS first_day
FROM (SELECT product_id, location_id, day FROM fresh
      UNION ALL
      SELECT r.product_id, r.location_id, m.day
      FROM revalued r
      JOIN all_movements m ON m.product_id = r.product_id AND m.location_id = r.location_id
                          AND block_of(m.entry_id) = r.block
      UNION ALL
      SELECT product_id, location_id, DATE '{newest}' + 1 FROM daily_demand WHERE day > DATE '{newest}' - 29
      UNION ALL
      SELECT product_id, location_id, day FROM daily_stock WHERE day > (SELECT coalesce(max(day), DATE '0001-01-01') FROM daily_demand))
GROUP BY product_id, location_id
