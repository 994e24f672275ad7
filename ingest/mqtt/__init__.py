"""Events by MQTT: a subscriber that acknowledges what is committed."""

from ingest.mqtt.batches import BatchRecorder
from ingest.mqtt.broker import Broker, broker_of
from ingest.mqtt.messages import Message, decode
from ingest.mqtt.subscriber import Session, Subscriber
from ingest.mqtt.topics import TopicRules, read_topic_rules

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
