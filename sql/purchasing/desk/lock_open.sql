-- Lock all open lines, in one order for everybody. today: by the clock of where each goes, where :today is null.
SELECT o.line_id, supplier, product, location, state, proposed_milli, buyer_milli, snoozed_until, approved_by, price_micros,
       currency, order_id, order_line, ordered_milli, version, source,
       coalesce(CAST(:today AS date), local_date(now(), l.timezone)) AS today
FROM order_lines o
JOIN locations l ON l.code = o.location
WHERE state IN ('proposed', 'snoozed', 'waiting')
ORDER BY o.line_id
FOR UPDATE OF o
