-- Every reversal is claimed, and every claim has its reversal.
SELECT count(*) AS rows,
       count(*) FILTER (WHERE (r.source_id, r.event_id) IS DISTINCT FROM (c.source_id, c.event_id)) AS differ
FROM (SELECT corrects, source_id, event_id FROM ledger WHERE corrects IS NOT NULL AND leg = 0) c
FULL JOIN corrections r ON r.corrected_entry_id = c.corrects
