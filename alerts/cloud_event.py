"""An alert's change as a CloudEvent: what webhooks and streams carry."""

from typing import Any

import sqlalchemy as sa

from alerts.rules import RULES, message_of, unit_of, units

TYPE_PREFIX = "stocktide.alert."
CHANGES = ("opened", "closed", "acknowledged", "silenced")


def cloud_event(row: sa.RowMapping, source: str) -> dict[str, Any]:
    """Make the CloudEvent of one row of events_after: the same each time, for all that it says is history."""
    value, limit = units(row["value_milli"]), units(row["limit_milli"])
    unit = unit_of(row["rule"], row["unit"])
    closed = row["change"] == "closed"
    lasted_s = (row["at"] - row["opened_at"]).total_seconds()
    return {
        "specversion": "1.0",
        "id": str(row["event_id"]),
        "source": source,
        "type": TYPE_PREFIX + row["change"],
        "subject": row["feed"] or row["order_id"] or f"{row['product']}/{row['location']}",
        "time": row["at"],
        "datacontenttype": "application/json",
        "data": {
            "alert_id": row["alert_id"],
            "rule": row["rule"],
            "state": "closed" if closed else "open",
            "product": row["product"],
            "product_name": row["product_name"],
            "location": row["location"],
            "location_name": row["location_name"],
            "feed": row["feed"],
            "order_id": row["order_id"],
            "details": row["details"],
            "value": value,
            "limit": limit,
            "unit": unit,
            "since": row["opened_at"],
            "closed_at": row["at"] if closed else None,
            "by": row["by"],
            "reason": row["reason"],
            "message": message_of(
                row["rule"],
                value,
                limit,
                unit,
                closed_after_s=lasted_s if closed else None,
                order=row["details"],
            ),
        },
    }


def json_schema() -> dict[str, Any]:
    """JSON Schema of the CloudEvents that webhooks and streams carry."""
    text_or_null = {"type": ["string", "null"]}
    instant = {"type": "string", "format": "date-time"}
    data = {
        "alert_id": {"type": "integer"},
        "rule": {"enum": list(RULES)},
        "state": {"enum": ["open", "closed"]},
        "product": {**text_or_null, "description": "sku; null for alerts of a feed or an order"},
        "product_name": text_or_null,
        "location": {
            **text_or_null,
            "description": "code; null for alerts of a feed, and of an order that goes to several",
        },
        "location_name": text_or_null,
        "feed": {**text_or_null, "description": "null for alerts of stock and orders"},
        "order_id": {**text_or_null, "description": "null for alerts of stock and feeds"},
        "details": {
            "type": ["object", "null"],
            "description": "of an order: supplier, since (the day), lines, units, locations, top (the line worth most)",
        },
        "value": {"type": "number", "description": "what was found, in `unit`"},
        "limit": {"type": "number", "description": "what it was held against, in `unit`"},
        "unit": {
            "type": "string",
            "description": "the product's unit, s (silent_feed), share (reject_storm) or lines (late_…)",
        },
        "since": {**instant, "description": "when the alert opened"},
        "closed_at": {"type": ["string", "null"], "format": "date-time"},
        "by": {**text_or_null, "description": "who acknowledged or silenced it"},
        "reason": text_or_null,
        "message": {"type": "string", "description": "the same in a sentence, for people"},
    }
    envelope = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "pattern": "^[0-9]+$", "description": "rises with time"},
        "source": {"type": "string", "minLength": 1},
        "type": {"enum": [TYPE_PREFIX + change for change in CHANGES]},
        "subject": {"type": "string"},
        "time": instant,
        "datacontenttype": {"const": "application/json"},
        "data": {"type": "object", "required": list(data), "properties": data},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stocktide.alert",
        "description": "A change of an alert. Webhooks get opened and closed, streams all.",
        "type": "object",
        "required": list(envelope),
        "properties": envelope,
    }
