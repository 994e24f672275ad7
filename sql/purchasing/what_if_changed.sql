-- What was decided or forecast after a moment, by what it is and how much of it: a comparison of then is of another world.
-- Binds: :since.
SELECT what, changed
FROM (SELECT 'forecast' AS what, count(*) AS changed FROM published_forecast WHERE published_at > :since
      UNION ALL
      SELECT 'suppliers', count(DISTINCT term) FROM suppliers WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'supplier-products', count(DISTINCT term) FROM supplier_products WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'price-breaks', count(DISTINCT term) FROM price_breaks WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'supplier-days', count(DISTINCT term) FROM supplier_days WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'service-targets', count(DISTINCT term) FROM service_targets WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'stock-costs', count(DISTINCT term) FROM stock_costs WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'shelf-limits', count(DISTINCT term) FROM shelf_limits WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'buyer-budgets', count(DISTINCT term) FROM buyer_budgets WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'receiving-limits', count(DISTINCT term) FROM receiving_limits WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'overrides', count(DISTINCT override) FROM forecast_overrides
      WHERE greatest(recorded_at, withdrawn_at) > :since
         OR (withdrawn_at IS NULL AND expires_on >= CAST(:since AS date) AND expires_on < current_date)
      UNION ALL
      SELECT 'prices', count(DISTINCT plan) FROM planned_prices WHERE greatest(recorded_at, withdrawn_at) > :since
      UNION ALL
      SELECT 'promotions', count(DISTINCT plan) FROM planned_promotions WHERE greatest(recorded_at, withdrawn_at) > :since) found
WHERE changed > 0
