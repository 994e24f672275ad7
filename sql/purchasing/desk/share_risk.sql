-- Leave the risk of what is ordered later to the line that is opened for it. Binds: :line_id, :rest.
UPDATE order_lines SET at_risk_micros = at_risk_micros - CAST(:rest AS bigint) WHERE line_id = :line_id AND CAST(:rest AS bigint) IS NOT NULL
