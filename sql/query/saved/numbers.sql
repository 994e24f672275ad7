-- Numbers of all saved queries.
SELECT query_id FROM saved_queries
