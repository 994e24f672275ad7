"""Events by MQTT: a subscriber that acknowledges what is committed."""

from ingest.mqtt.batches import BatchRecorder
from ingest.mqtt.broker import Broker, Session, broker_of
from ingest.mqtt.message import Message
from ingest.mqtt.messages import decode
from ingest.mqtt.subscriber import Subscriber
from ingest.mqtt.topic_rules import TopicRules
from ingest.mqtt.topics import read_topic_rules

__all__ = [
    "BatchRecorder",
    "Broker",
    "Message",
    "Session",
    "Subscriber",
    "TopicRules",
    "broker_of",
    "decode",
    "read_topic_rules",
]
