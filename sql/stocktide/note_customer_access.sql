-- Note who saw or erased a customer, and why.
INSERT INTO customer_accesses (action, pseudonym, asked_by, reason) VALUES (:action, :pseudonym, :by, :reason)
