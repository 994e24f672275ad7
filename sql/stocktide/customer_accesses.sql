-- Who saw or erased whom, the newest first.
SELECT at, action, pseudonym, asked_by, reason FROM customer_accesses ORDER BY access_id DESC LIMIT :limit
