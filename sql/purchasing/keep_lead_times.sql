-- Keep a lead time that was learnt.
INSERT INTO lead_times (supplier, product, lines, open_lines, unfulfilled, shares, lake_version)
VALUES (:supplier, :product, :lines, :open, :unfulfilled, :shares, :version)
