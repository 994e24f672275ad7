-- Write what became of a line.
UPDATE order_lines
SET state = :state, proposed_milli = :proposed_milli, buyer_milli = :buyer_milli, snoozed_until = :snoozed_until,
    approved_by = :approved_by, price_micros = :price_micros, currency = :currency, order_id = :order_id,
    order_line = :order_line, ordered_milli = :ordered_milli, version = :version, changed_at = now(),
    ordered_xid = CASE WHEN CAST(:order_id AS text) IS NOT NULL THEN coalesce(ordered_xid, pg_current_xact_id()) END
WHERE line_id = :line_id
