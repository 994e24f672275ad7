-- What is on order, in transit and promised against the fold of the ledger.
SELECT count(*) AS rows,
       count(*) FILTER (WHERE (c.opened_milli, c.closed_milli, c.expected_on)
                              IS DISTINCT FROM (f.opened_milli, f.closed_milli, f.expected_on)) AS differ
FROM commitments c
FULL JOIN commitment_fold f USING (purpose, reference, product_id, location_id)
