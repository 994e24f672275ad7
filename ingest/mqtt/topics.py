"""How stocktide.toml and the setting tell which topics we listen to, and how plain JSON on them becomes an event."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ingest.mqtt.topic_rules import FEED, PLACEHOLDER, TopicRule, TopicRules, fields_of
from stocktide.domain.kinds import KINDS
from stocktide.foundation.errors import Invalid

# What a bare number in the payload is, where the mapping does not say.
VALUE_FIELDS: Mapping[str | None, str] = {
    name: kind.amount for name, kind in KINDS.items() if kind.amount is not None
}
VALUE_FIELD = "quantity"


class TopicTable(msgspec.Struct, forbid_unknown_fields=True):
    """One [[mqtt.topics]] table of stocktide.toml. `fields` says which payload member feeds which event field."""

    topic: str
    kind: str | None = None
    source: str | None = None
    feed: str | None = None
    value: str | None = None
    fields: dict[str, str] = {}
    constants: dict[str, str] = {}


class MqttTable(msgspec.Struct, forbid_unknown_fields=True):
    """The [mqtt] section. `devices` says what a device stands for: its product, its location."""

    topics: list[TopicTable] = []
    devices: dict[str, dict[str, str]] = {}


def read_topic_rules(setting: str, config: Mapping[str, Any]) -> TopicRules:
    """Read the rules of [mqtt] in stocktide.toml, then those of the setting. Raises Invalid that names the place."""
    try:
        table = msgspec.convert(config.get("mqtt", {}), MqttTable)
    except msgspec.ValidationError as error:
        raise Invalid("mqtt_config", f"stocktide.toml, [mqtt]: {error}.") from None
    rules = [
        _rule(entry, f"stocktide.toml, mqtt.topics[{number}]")
        for number, entry in enumerate(table.topics)
    ]
    for text in filter(None, (part.strip() for part in setting.split(","))):
        topic, _, kind = text.rpartition("=") if "=" in text else (text, "", "")
        rules.append(_rule(TopicTable(topic, kind or None), "STOCKTIDE_MQTT_TOPICS"))
    if not rules:
        raise Invalid("mqtt_topics", "No topic to listen to: set STOCKTIDE_MQTT_TOPICS.")
    return TopicRules(rules, table.devices)


def _rule(entry: TopicTable, place: str) -> TopicRule:
    placeholders = _check_topic(entry.topic, place)
    if entry.feed is not None:
        _check_feed(entry.feed, placeholders, place)
    if entry.kind is not None:
        _check_kind(entry, placeholders, place)
    elif (
        entry.source
        or entry.value
        or entry.fields
        or entry.constants
        or (placeholders and not entry.feed)
    ):
        raise Invalid(
            "mqtt_topics",
            f"{place}: {entry.topic!r} names fields, but no kind; plain JSON needs one of {', '.join(KINDS)}.",
        )
    return TopicRule(
        filter=PLACEHOLDER.sub("+", entry.topic),
        pattern=_pattern(entry.topic),
        kind=entry.kind,
        source=entry.source,
        feed=entry.feed or FEED,
        value=entry.value or VALUE_FIELDS.get(entry.kind, VALUE_FIELD),
        fields=entry.fields,
        constants=entry.constants,
    )


def _check_topic(topic: str, place: str) -> set[str]:
    """Check a filter as MQTT defines it, with {name} for a level. Returns the names."""
    names: list[str] = []
    levels = topic.split("/")
    for number, level in enumerate(levels):
        whole = PLACEHOLDER.fullmatch(level)
        if whole:
            names.append(whole.group(1))
        elif any(sign in level for sign in "{}"):
            raise Invalid("mqtt_topics", f"{place}: in {topic!r}, {{name}} must be a whole level.")
        elif ("+" in level and level != "+") or (
            "#" in level and (level != "#" or number < len(levels) - 1)
        ):
            raise Invalid("mqtt_topics", f"{place}: {topic!r} is no MQTT topic filter.")
    if not topic or "\x00" in topic or topic.startswith("$share/"):
        raise Invalid(
            "mqtt_topics",
            f"{place}: {topic!r} is no topic filter; a share is asked for by STOCKTIDE_MQTT_GROUP.",
        )
    if len(set(names)) < len(names):
        raise Invalid("mqtt_topics", f"{place}: {topic!r} names a field twice.")
    return set(names)


def _check_kind(entry: TopicTable, placeholders: set[str], place: str) -> None:
    if entry.kind is None or entry.kind not in KINDS:
        raise Invalid(
            "mqtt_topics",
            f"{place}: kind {entry.kind!r} is unknown; there are {', '.join(KINDS)}.",
        )
    known = fields_of(entry.kind)
    for name in [*entry.fields, *entry.constants, *([entry.value] if entry.value else [])]:
        if name not in known and name not in ("id", "time", "sequence"):
            raise Invalid(
                "mqtt_topics",
                f"{place}: a {entry.kind} has no field {name!r}; there are {', '.join(sorted(known))}.",
            )
    _check_template("source", entry.source or "", placeholders, place)


def _check_feed(feed: str, placeholders: set[str], place: str) -> None:
    """A device may make up a level of its topic, but not the name of somebody's key."""
    if feed != FEED and not feed.startswith(f"{FEED} "):
        raise Invalid(
            "mqtt_topics", f"{place}: feed {feed!r} must be {FEED!r}, or begin with '{FEED} '."
        )
    _check_template("feed", feed, placeholders, place)


def _check_template(what: str, template: str, placeholders: set[str], place: str) -> None:
    for name in PLACEHOLDER.findall(template):
        if name not in placeholders | {"topic"}:
            raise Invalid(
                "mqtt_topics", f"{place}: {what} names {{{name}}}, which the topic has not."
            )


def _pattern(topic: str) -> "re.Pattern[str]":
    parts = []
    levels = topic.split("/")
    if levels[-1] == "#":
        levels.pop()
        tail = "(?:/.*)?" if levels else ".*"
    else:
        tail = ""
    for level in levels:
        named = PLACEHOLDER.fullmatch(level)
        parts.append(
            f"(?P<{named.group(1)}>[^/]*)"
            if named
            else "[^/]*"
            if level == "+"
            else re.escape(level)
        )
    return re.compile("/".join(parts) + tail, re.DOTALL)
