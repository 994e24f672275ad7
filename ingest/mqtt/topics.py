"""Topics to listen to, as stocktide.toml and the setting tell them, and how plain JSON on them becomes an event."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ingest.mqtt.topic_rules import FEED, PLACEHOLDER, TopicRule, TopicRules, fields_of
from stocktide.domain.kinds import KINDS
from stocktide.foundation.errors import Invalid

# The field that a bare number is, where neither the mapping nor the kind says.
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
    if fault := next(_faults_of(entry), None):
        raise Invalid("mqtt_topics", f"{place}: {fault}")
    amount = None if entry.kind is None else KINDS[entry.kind].amount
    return TopicRule(
        filter=PLACEHOLDER.sub("+", entry.topic),
        pattern=_pattern(entry.topic),
        kind=entry.kind,
        source=entry.source,
        feed=entry.feed or FEED,
        value=entry.value or amount or VALUE_FIELD,
        fields=entry.fields,
        constants=entry.constants,
    )


def _faults_of(entry: TopicTable) -> Iterator[str]:
    """Yield what is wrong with a table. Later checks rely on earlier ones: stop at the first fault."""
    yield from _topic_faults(entry.topic)
    names = {*PLACEHOLDER.findall(entry.topic), "topic"}
    if entry.feed is not None:
        # a device may make up a level of its topic, but not the name of somebody's key
        if entry.feed != FEED and not entry.feed.startswith(f"{FEED} "):
            yield f"feed {entry.feed!r} must be {FEED!r}, or begin with '{FEED} '."
        yield from _template_faults("feed", entry.feed, names)
    if entry.kind is not None:
        yield from _kind_faults(entry, entry.kind)
        yield from _template_faults("source", entry.source or "", names)
        return
    says_fields = entry.source or entry.value or entry.fields or entry.constants
    if says_fields or (len(names) > 1 and not entry.feed):
        kinds = ", ".join(KINDS)
        yield f"{entry.topic!r} names fields, but no kind; plain JSON needs one of {kinds}."


def _topic_faults(topic: str) -> Iterator[str]:
    """Check a filter as MQTT defines it, with {name} for a level."""
    levels = topic.split("/")
    for number, level in enumerate(levels):
        if PLACEHOLDER.fullmatch(level):
            continue
        if "{" in level or "}" in level:
            yield f"in {topic!r}, {{name}} must be a whole level."
        is_wildcard = level == "+" or (level == "#" and number == len(levels) - 1)
        if ("+" in level or "#" in level) and not is_wildcard:
            yield f"{topic!r} is no MQTT topic filter."
    if not topic or "\x00" in topic or topic.startswith("$share/"):
        yield f"{topic!r} is no topic filter; a share is asked for by STOCKTIDE_MQTT_GROUP."
    names = PLACEHOLDER.findall(topic)
    if len(set(names)) < len(names):
        yield f"{topic!r} names a field twice."


def _kind_faults(entry: TopicTable, kind: str) -> Iterator[str]:
    if kind not in KINDS:
        yield f"kind {kind!r} is unknown; there are {', '.join(KINDS)}."
    known = fields_of(kind)
    for name in [*entry.fields, *entry.constants, *([entry.value] if entry.value else [])]:
        if name not in known and name not in ("id", "time", "sequence"):
            yield f"a {kind} has no field {name!r}; there are {', '.join(sorted(known))}."


def _template_faults(what: str, template: str, names: set[str]) -> Iterator[str]:
    for name in PLACEHOLDER.findall(template):
        if name not in names:
            yield f"{what} names {{{name}}}, which the topic has not."


def _pattern(topic: str) -> "re.Pattern[str]":
    levels, tail = topic.split("/"), ""
    if levels[-1] == "#":
        levels.pop()
        tail = "(?:/.*)?" if levels else ".*"
    return re.compile("/".join(map(_level_pattern, levels)) + tail, re.DOTALL)


def _level_pattern(level: str) -> str:
    if named := PLACEHOLDER.fullmatch(level):
        return f"(?P<{named[1]}>[^/]*)"
    return "[^/]*" if level == "+" else re.escape(level)
