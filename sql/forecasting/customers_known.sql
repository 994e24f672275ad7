-- DuckDB. Customers of the lake without those who were erased.
CREATE TEMP VIEW input_lake_customers AS SELECT l.* FROM landed l ANTI JOIN erased e ON e.pseudonym = l.customer_id
