-- What stock is worth at its selling prices, by currency, of the pairs whose stock and price are known. converted: in the
-- currency :currency at today's rate; NULL where there is none. What names no currency is in it.
SELECT currency, value::float8 AS value, stocks,
       (value * rate_on(currency, CAST(:currency AS text), current_date))::float8 AS converted
FROM (SELECT coalesce(s.currency, p.currency, :currency, '') AS currency, count(*)::int AS stocks,
             sum(known_stock(s.known, s.on_hand_milli)::numeric * coalesce(s.price_micros, p.price_micros)) / 1e9 AS value
      FROM stock s
      JOIN products p USING (product_id)
      WHERE known_stock(s.known, s.on_hand_milli) IS NOT NULL AND coalesce(s.price_micros, p.price_micros) IS NOT NULL
      GROUP BY 1) valued
ORDER BY currency
