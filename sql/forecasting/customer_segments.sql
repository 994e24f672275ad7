-- DuckDB. Customers of a currency with their segment, in the order of their numbers.
SELECT customer, segment FROM numbered WHERE currency = $currency ORDER BY number
