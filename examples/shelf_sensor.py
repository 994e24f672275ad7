"""A shelf sensor that counts and says so by MQTT, with QoS 1. Needs paho-mqtt 2 and a broker that Stocktide listens to.

The server is told of the topic once: STOCKTIDE_MQTT_TOPICS='shop/{location}/shelf/{device}/count=reading'

python shelf_sensor.py HOST PORT COUNT...
"""

import json
import sys
from datetime import UTC, datetime

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

ANSWER_S = 30.0
DEVICE = "shelf-3"
TOPIC = f"shop/S1/shelf/{DEVICE}/count"


def main() -> None:
    """Publish each count and wait until the broker has it."""
    host, port, *counts = sys.argv[1:]
    # a session of its own: what the broker has not acknowledged is sent again after a lost connection
    sensor = Client(CallbackAPIVersion.VERSION2, client_id=DEVICE, clean_session=False)
    sensor.connect(host, int(port))
    sensor.loop_start()
    for count in counts:
        # the time is the reading's identity too: the same message once more is a duplicate, not a second reading
        reading = {
            "product": "A",
            "observed": count,
            "time": datetime.now(UTC).isoformat(),
            "battery": 0.83,
        }
        sent = sensor.publish(TOPIC, json.dumps(reading), qos=1)
        sent.wait_for_publish(ANSWER_S)
        # waiting ends without a word when the time is over
        if not sent.is_published():
            sys.exit(
                f"The broker has not acknowledged the count {count}: send it again, with its time."
            )
    sensor.disconnect()
    sensor.loop_stop()


if __name__ == "__main__":
    main()
