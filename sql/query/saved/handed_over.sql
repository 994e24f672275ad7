-- A statement that a panel handed over.
SELECT title, statement FROM query_handovers WHERE handover_id = :handover_id
