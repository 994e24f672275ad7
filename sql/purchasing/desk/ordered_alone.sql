-- What was ordered from some suppliers in the last hours with one approver, by whom, in the chain's currency; of cancelled lines
-- what has come. Amounts that nobody can tell need two, and are not among them. Binds: :suppliers, :hours, :currency.
SELECT o.supplier, o.approved_by,
       coalesce(sum(CASE WHEN o.state = 'ordered' THEN o.ordered_milli ELSE coalesce(c.closed_milli, 0) END::numeric
                    * o.price_micros / 1000
                    * rate_on(coalesce(o.currency, :currency, ''), coalesce(CAST(:currency AS text), o.currency, ''), local_date(now(), l.timezone))),
                0)::float8 AS micros
FROM purchase_orders po
JOIN order_lines o USING (order_id)
JOIN products p ON p.sku = o.product
JOIN locations l ON l.code = o.location
LEFT JOIN commitments c ON o.state = 'cancelled' AND c.purpose = 'on_order' AND c.reference = o.order_id
                       AND c.product_id = p.product_id AND c.location_id = l.location_id
WHERE po.source IS NULL AND po.supplier = ANY(:suppliers) AND po.ordered_at > now() - make_interval(hours => :hours)
  AND (po.second_approver IS NULL OR po.second_approver = o.approved_by)
GROUP BY o.supplier, o.approved_by
