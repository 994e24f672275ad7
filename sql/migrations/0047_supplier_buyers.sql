-- Who orders from a supplier: their budget pays.

ALTER TABLE suppliers ADD COLUMN buyer text;
COMMENT ON COLUMN suppliers.buyer IS 'who orders there, whose budget pays; null: nobody''s';
