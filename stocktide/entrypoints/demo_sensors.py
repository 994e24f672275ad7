"""Shelf sensors of the demo: each counts one product in one shop and says so by MQTT."""

import contextlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import sqlalchemy as sa
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from stocktide.foundation.errors import Fatal

TOPICS = "shop/{location}/shelf/{product}/count=reading"
SENSORS = 5
RECORDED_S_MAX = 30.0
PUBLISHED_S_MAX = 5.0
COUNT_AGAIN_S = 3.0


@dataclass
class ShelfSensors:
    """Publish with QoS 1 to the demo's broker. Close it when done."""

    host: str
    port: int

    def __post_init__(self) -> None:
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="demo-shelf-sensors",
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        self._client.connect_async(self.host, self.port)
        self._client.loop_start()

    def publish(self, api: httpx.Client) -> int:
        """Publish a reading of each sensor, as the ledger counts. Returns how many were published."""
        sent = [self._publish(line) for line in _shelves(api)]
        # a broker that is down gets the next reading instead
        with contextlib.suppress(RuntimeError):
            for info in sent:
                info.wait_for_publish(PUBLISHED_S_MAX)
        return len(sent)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _publish(self, line: dict[str, Any]) -> Any:
        now = datetime.now(UTC).isoformat()
        payload = json.dumps({"observed": max(line["book"], 0), "time": now})
        topic = f"shop/{line['location']}/shelf/{line['sku']}/count"
        return self._client.publish(topic, payload, qos=1)


def publish_readings(engine: sa.Engine, sensors: ShelfSensors, api: httpx.Client) -> str:
    """Publish until a reading of each sensor came through the subscriber. Raises Fatal when none does."""
    before, deadline = _recorded(engine), time.monotonic() + RECORDED_S_MAX
    while time.monotonic() < deadline:
        # before the subscriber is there, the demo's broker drops what it is given
        readings = sensors.publish(api)
        again_at = time.monotonic() + COUNT_AGAIN_S
        while time.monotonic() < again_at:
            if _recorded(engine) - before >= readings:
                return f"{readings} shelf sensors' readings, QoS 1, acknowledged after commit"
            time.sleep(0.1)
    raise Fatal("mqtt_slow", "The sensors' readings did not come by MQTT; see logs/mqtt.log.")


def _recorded(engine: sa.Engine) -> int:
    query = sa.text("SELECT coalesce(sum(accepted), 0) FROM feed_minutes WHERE feed = 'mqtt'")
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def _shelves(api: httpx.Client) -> list[dict[str, Any]]:
    """Return the shelves that have a sensor: the first products, each in its first shop."""
    listed = api.get("/v1/products", params={"limit": SENSORS}).raise_for_status().json()
    shelves = []
    for product in listed["products"]:
        found = api.get(f"/v1/products/{product['sku']}").raise_for_status().json()
        if found["stock"]:
            shelves.append({**found["stock"][0], "sku": product["sku"]})
    return shelves
