-- Make a purchase order to a supplier, or a transfer from a location of ours; returns its id, with the next number that no order of
-- others has. It is expected when its last line is, lead_days from today; where no line says so, after the half of the supplier's
-- lead times. Binds: :supplier, :source, :currency, :by, :second, :today, :lead_days.
WITH RECURSIVE numbers (number) AS (
    SELECT nextval('purchase_order_numbers')
    UNION ALL
    SELECT nextval('purchase_order_numbers')
    FROM numbers
    WHERE EXISTS (SELECT FROM commitments WHERE purpose = 'on_order' AND reference = 'PO-' || number)
       -- lines of a transfer have numbers behind its own; the character after - is .
       OR EXISTS (SELECT FROM commitments
                  WHERE purpose = 'in_transit' AND reference > 'TR-' || number || '-' AND reference < 'TR-' || number || '.')
)
INSERT INTO purchase_orders (order_id, supplier, source, currency, ordered_by, second_approver, supplier_name, email, expected_on)
SELECT CASE WHEN CAST(:source AS text) IS NULL THEN 'PO-' ELSE 'TR-' END || (SELECT max(number) FROM numbers), :supplier, :source,
       :currency, :by, :second,
       (SELECT name FROM suppliers WHERE supplier = :supplier AND withdrawn_at IS NULL),
       (SELECT email FROM suppliers WHERE supplier = :supplier AND withdrawn_at IS NULL),
       CAST(:today AS date) + coalesce(
           CAST(:lead_days AS integer),
           (SELECT day - 1
            FROM (SELECT day, sum(share) OVER (ORDER BY day) AS reached
                  FROM lead_times t, unnest(t.shares) WITH ORDINALITY AS s (share, day)
                  WHERE t.supplier = :supplier AND t.product IS NULL) learnt
            WHERE reached >= 0.5 - 1e-9
            ORDER BY day
            LIMIT 1),
           (SELECT lead_days FROM suppliers WHERE supplier = :supplier AND withdrawn_at IS NULL))::integer
RETURNING order_id, expected_on
