"""Alerts: from changed stock and silent feeds to somebody who knows of it.

Reads the tables that ingest writes: stock_changes, stock, commitments, ledger, feed_minutes, products, locations; and
access_keys. Writes alerts, alert_events, alert_silences, deliveries. What it offers, in the order of the path:

- `RULES`, `limits_of`: the seven rules and what they judge with; `put_reorder_points` sets one of these limits.
- `evaluate_changes`, `evaluate_feeds`, `evaluate_late_orders`: changed pairs, feeds and orders to verdicts, verdicts
  to alerts, in the caller's transaction. `run_alerts` is the process that does so forever, and sends the outbox to
  webhooks.
- `list_alerts`, `read_alert`: what is open. `acknowledge`, `silence`: what people say to it.
- `create_webhook`, `list_deliveries`: who is told, and what became of it.
- `FanOut`: the open streams of an API process. The routes are in `http` and `webhook_http`.
"""

from alerts.evaluation import evaluate_changes, evaluate_feeds, evaluate_late_orders
from alerts.fan_out import FanOut
from alerts.listing import list_alerts, read_alert
from alerts.process import run_alerts
from alerts.reorder_points import put_reorder_points
from alerts.rules import RULES, limits_of
from alerts.triage import acknowledge, silence
from alerts.webhooks import create_webhook, list_deliveries

__all__ = [
    "RULES",
    "FanOut",
    "acknowledge",
    "create_webhook",
    "evaluate_changes",
    "evaluate_feeds",
    "evaluate_late_orders",
    "limits_of",
    "list_alerts",
    "list_deliveries",
    "put_reorder_points",
    "read_alert",
    "run_alerts",
    "silence",
]
