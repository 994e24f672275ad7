-- Lock all open lines, in one order for everybody.
SELECT line_id, supplier, product, location, state, proposed_milli, buyer_milli, snoozed_until, approved_by, price_micros,
       currency, order_id, order_line, ordered_milli, version, source
FROM order_lines
WHERE state IN ('proposed', 'snoozed', 'waiting')
ORDER BY line_id
FOR UPDATE
