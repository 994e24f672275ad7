-- DuckDB. Customers with their segment, numbered within their currency: numbers are grouped faster than texts.
CREATE TEMP TABLE numbered AS
WITH
{segments}
SELECT currency, customer, segment, row_number() OVER (PARTITION BY currency ORDER BY customer) - 1 AS number
FROM customer_segments
