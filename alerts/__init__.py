"""Alerts: from changed stock and silent feeds to somebody who knows of it.

Reads the tables that ingest writes: stock_changes, stock, ledger, feed_minutes, products, locations; and access_keys.
Writes alerts, alert_events, deliveries. In the order of the path:

- `rules`: the six rules, their limits, and how an alert reads.
- `evaluation`: changed pairs and feeds to verdicts, verdicts to alerts, in the caller's transaction.
- `evaluator`, `sender`: the process `stocktide alerts run`: evaluates, and sends the outbox to webhooks.
- `stream`: the open streams of an API process. `http`: the routes.
"""
