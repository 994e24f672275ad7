-- Lock proposed lines of the same supplier and product, but for those that somebody is deciding about; together_milli: of all
-- that could be ordered today, with those that wait for a second approver, whose price stays. Binds: :suppliers, :products, one of the other.
SELECT o.line_id, supplier, product, o.location, o.state, o.proposed_milli, o.buyer_milli, o.snoozed_until, o.approved_by,
       o.price_micros, o.currency, o.order_id, o.order_line, o.ordered_milli, o.version, o.source, t.together_milli
FROM order_lines o
JOIN (SELECT supplier, product, sum(coalesce(buyer_milli, proposed_milli))::bigint AS together_milli
      FROM order_lines
      JOIN unnest(CAST(:suppliers AS text[]), CAST(:products AS text[])) AS asked (supplier, product) USING (supplier, product)
      WHERE state IN ('proposed', 'waiting')
      GROUP BY supplier, product) t USING (supplier, product)
WHERE o.state = 'proposed'
ORDER BY o.line_id
FOR UPDATE OF o SKIP LOCKED
