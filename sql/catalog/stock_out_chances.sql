-- In how many of the published forecast's sample paths shelves run out within some days, each within its own: where the demand of
-- these days is more than the stock on hand, without a delivery. Which days these are is said by periods_ahead, as for
-- running_out. A shelf that is empty has run out in all of them. No row for a shelf whose stock is not known, that has no
-- forecast of its own, or whose days reach beyond the forecast. row: the place of the shelf among those asked for, from 0 on.
-- Binds: :skus, :codes, :days, :now.
WITH asked AS (
    SELECT *
    FROM unnest(CAST(:skus AS text[]), CAST(:codes AS text[]), CAST(:days AS int[]))
        WITH ORDINALITY AS a (sku, code, days, number)
),
ahead AS MATERIALIZED (
    SELECT d.days, p.timezone, p.number, p.share
    FROM (SELECT DISTINCT days FROM asked) d
    CROSS JOIN LATERAL periods_ahead(CAST(:now AS timestamptz), d.days) p
)
SELECT (a.number - 1)::int AS row, k.paths, k.beyond
FROM asked a
JOIN products p USING (sku)
JOIN locations l USING (code)
JOIN stock s USING (product_id, location_id)
CROSS JOIN published_forecast f
JOIN forecast_nodes n ON n.forecast_run_id = f.forecast_run_id
    AND n.keys = jsonb_build_object('product', a.sku, 'location', a.code)
JOIN forecast_paths u ON u.forecast_run_id = n.forecast_run_id AND u.node_id = n.node_id
CROSS JOIN LATERAL (
    SELECT count(*)::int AS paths,
           (count(*) FILTER (WHERE s.on_hand_milli = 0 OR wanted > s.on_hand_milli / 1000.0))::int AS beyond
    FROM (
        SELECT sum(t.units * h.share) AS wanted
        FROM unnest(u.units) WITH ORDINALITY AS t (units, at)
        JOIN ahead h ON h.number = (t.at - 1) % array_length(u.units, 2) + 1
        WHERE h.days = a.days AND h.timezone = l.timezone
        GROUP BY (t.at - 1) / array_length(u.units, 2)
    ) futures
) k
WHERE known_stock(s.known, s.on_hand_milli) IS NOT NULL AND k.paths > 0
ORDER BY row
