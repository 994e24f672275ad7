-- Ids of senders in some pages of a partition of the ledger: what is not the pseudonym of a customer.
SELECT DISTINCT customer_id
FROM {partition} l
WHERE ctid >= '({first},0)'::tid AND ctid < '({end},0)'::tid AND customer_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM customers c WHERE c.pseudonym = l.customer_id)
