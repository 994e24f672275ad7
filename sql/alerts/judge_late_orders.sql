-- Judge what is on order, and what is in transit, by its day: an order or a transfer is late while something of it should have
-- come and has not in full. Gives a row for each that is late, and for what has an alert open and is late no more: all came, or
-- was taken back. What the desk has one location send to another is a transfer a line, and one for an alert.
WITH rules (rule, purpose) AS (VALUES ('late_order', 'on_order'), ('late_transfer', 'in_transit')),
line AS (
    SELECT r.rule, coalesce(sent.order_id, c.reference) AS order_id, c.expected_on, p.sku AS product, p.name AS product_name,
           p.unit, l.code AS location, l.name AS location_name, c.opened_milli - c.closed_milli AS milli, p.currency,
           (c.opened_milli - c.closed_milli) / 1000.0 * p.price_micros / 1e6 AS worth
    FROM commitments c
    JOIN rules r USING (purpose)
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    LEFT JOIN order_lines sent ON c.purpose = 'in_transit' AND sent.source IS NOT NULL
        AND c.reference = sent.order_id || '-' || sent.order_line
    WHERE c.purpose IN ('on_order', 'in_transit') AND c.opened_milli > c.closed_milli
      -- no zone is more than a day ahead; the index knows the first of the two
      AND c.expected_on <= (now() AT TIME ZONE 'UTC')::date AND c.expected_on < local_date(now(), l.timezone)
),
late AS (
    SELECT rule, order_id, count(*) AS lines, min(expected_on) AS since,
           jsonb_agg(DISTINCT location ORDER BY location) AS locations
    FROM line
    GROUP BY rule, order_id
),
units AS (
    SELECT rule, order_id, jsonb_object_agg(unit, amount) AS units
    FROM (
        SELECT rule, order_id, unit, trim_scale(sum(milli) / 1000.0) AS amount FROM line GROUP BY rule, order_id, unit
    ) one
    GROUP BY rule, order_id
),
-- the line that is worth most at list price, of what has a price
top AS (
    SELECT DISTINCT ON (rule, order_id)
           rule, order_id, jsonb_build_object(
               'product', product, 'product_name', product_name, 'location', location, 'location_name', location_name,
               'quantity', trim_scale(milli / 1000.0), 'unit', unit, 'worth', round(worth, 2), 'currency', currency) AS top
    FROM line
    ORDER BY rule, order_id, worth DESC NULLS LAST, milli DESC, product, location
),
open_now AS (
    SELECT rule, order_id, product_id, location_id, details
    FROM alerts
    WHERE rule IN (SELECT rule FROM rules) AND closed_at IS NULL
)
SELECT rule, o.product_id, coalesce(o.location_id, place.location_id) AS location_id, order_id,
       late.lines IS NOT NULL AS opens, late.lines IS NULL AS closes, coalesce(late.lines, 0) * 1000 AS value_milli,
       CAST(0 AS bigint) AS limit_milli,
       CASE WHEN late.lines IS NOT NULL
            THEN jsonb_build_object('supplier', coalesce(o.details ->> 'supplier', told.supplier), 'since', late.since,
                                    'lines', late.lines, 'units', units.units, 'locations', late.locations, 'top', top.top)
       END::text AS details
FROM late
JOIN units USING (rule, order_id)
JOIN top USING (rule, order_id)
JOIN rules USING (rule)
FULL JOIN open_now o USING (rule, order_id)
-- all lines of it, what came too: an alert keeps its place
LEFT JOIN LATERAL (
    SELECT CASE WHEN min(c.location_id) = max(c.location_id) THEN min(c.location_id) END AS location_id
    FROM commitments c
    WHERE c.purpose = rules.purpose AND c.reference IN (
        SELECT late.order_id UNION ALL
        SELECT n.order_id || '-' || n.order_line FROM order_lines n WHERE n.order_id = late.order_id AND n.source IS NOT NULL)
) place ON true
-- who supplies it: what the desk says, else what the event of one of its lines said; of a transfer, where it comes from
LEFT JOIN LATERAL (
    SELECT coalesce(s.name, named.supplier) AS supplier
    FROM (
        SELECT coalesce(
            (SELECT coalesce(po.source, po.supplier) FROM purchase_orders po WHERE po.order_id = late.order_id),
            (SELECT coalesce(f.code, e.counterparty)
             FROM commitments c
             JOIN ledger e USING (product_id, location_id)
             JOIN event_kinds k ON k.kind = e.kind AND k.opens = c.purpose
             -- a transfer is opened where it goes; its other leg left from somewhere
             LEFT JOIN event_identities i ON e.leg = 1 AND i.source_id = e.source_id AND i.event_id = e.event_id
             LEFT JOIN ledger sent ON sent.entry_id = i.entry_id
             LEFT JOIN locations f ON f.location_id = sent.location_id
             WHERE c.purpose = rules.purpose AND c.reference = late.order_id
               AND CASE k.reference WHEN 'order_id' THEN e.order_id ELSE e.reference END = late.order_id
               AND coalesce(f.code, e.counterparty) IS NOT NULL
             LIMIT 1)
        ) AS supplier
    ) named
    LEFT JOIN suppliers s ON s.supplier = named.supplier AND s.withdrawn_at IS NULL AND rules.purpose = 'on_order'
    WHERE o.details IS NULL
) told ON true
