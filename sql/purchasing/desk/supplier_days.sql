-- When the suppliers of some lines take orders and deliver, each on its own clock, and from what order on. Binds: :lines.
SELECT s.supplier, s.active, s.minimum_value_micros, s.minimum_units_milli, s.currency, s.timezone, s.cutoff, s.order_days, s.delivery_days,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(d.starts_on, d.ends_on, d.is_closed)), '[]') FROM supplier_days d
        WHERE d.supplier = s.supplier AND d.withdrawn_at IS NULL) AS spans
FROM suppliers s
WHERE s.withdrawn_at IS NULL AND s.supplier IN (SELECT supplier FROM order_lines WHERE line_id = ANY(:lines))
