-- Flag the staged days that sold far more than anything their pair sold within a year, and take back flags that no
-- longer hold. Days of a promotion are planned to be high. Few days are compared with, or a burst that lasted: no flag.
WITH candidates AS (
    SELECT s.product_id, s.location_id, s.day, s.sold_milli
    FROM staged_demand s
    WHERE s.sold_milli >= 50000
      AND NOT s.promotion
      AND NOT s.gone
      AND NOT EXISTS (
          SELECT FROM daily_demand d
          WHERE d.product_id = s.product_id AND d.location_id = s.location_id AND d.day <> s.day
            AND d.day BETWEEN s.day - 365 AND s.day + 365
            AND d.sold_milli > s.sold_milli / 20
          OFFSET 1)
),
found AS (
    SELECT c.*, around.usual_milli
    FROM candidates c
    CROSS JOIN LATERAL (
        SELECT count(*) AS days, percentile_disc(0.5) WITHIN GROUP (ORDER BY d.sold_milli) AS usual_milli
        FROM daily_demand d
        WHERE d.product_id = c.product_id AND d.location_id = c.location_id AND d.day <> c.day
          AND d.day BETWEEN c.day - 182 AND c.day + 182
          AND d.sold_milli > 0
    ) around
    WHERE around.days >= 14
),
withdrawn AS (
    DELETE FROM unusual_days u
    USING staged_demand s
    WHERE u.product_id = s.product_id AND u.location_id = s.location_id AND u.day = s.day
      AND NOT EXISTS (SELECT FROM found f
                      WHERE f.product_id = u.product_id AND f.location_id = u.location_id AND f.day = u.day)
)
INSERT INTO unusual_days AS u (product_id, location_id, day, sold_milli, usual_milli)
SELECT product_id, location_id, day, sold_milli, usual_milli
FROM found
ON CONFLICT (product_id, location_id, day) DO UPDATE
SET sold_milli = excluded.sold_milli,
    usual_milli = excluded.usual_milli,
    -- another amount is another question
    state = CASE WHEN u.sold_milli = excluded.sold_milli THEN u.state ELSE 'open' END,
    decided_at = CASE WHEN u.sold_milli = excluded.sold_milli THEN u.decided_at END,
    decided_by = CASE WHEN u.sold_milli = excluded.sold_milli THEN u.decided_by END,
    reason = CASE WHEN u.sold_milli = excluded.sold_milli THEN u.reason END
