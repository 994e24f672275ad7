"""Topics to listen to, as stocktide.toml and the setting tell them, and how plain JSON on them becomes an event."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ingest.mqtt.topic_rules import FEED, PLACEHOLDER, TopicRule, TopicRules, fields_of
from stocktide.domain.kinds import KINDS
from stocktide.foundation.errors import Invalid


class MqttTable(msgspec.Struct, forbid_unknown_fields=True):
    """The [mqtt] section. `devices` says what a device stands for: its product, its location."""

    topics: list[TopicRule] = []
    devices: dict[str, dict[str, str]] = {}


def read_topic_rules(setting: str, config: Mapping[str, Any]) -> TopicRules:
    """Read the rules of [mqtt] in stocktide.toml, then those of the setting. Raises Invalid that names the place."""
    try:
        table = msgspec.convert(config.get("mqtt", {}), MqttTable)
    except msgspec.ValidationError as error:
        raise Invalid("mqtt_config", f"stocktide.toml, [mqtt]: {error}.") from None
    rules = [
        _checked(entry, f"stocktide.toml, mqtt.topics[{number}]")
        for number, entry in enumerate(table.topics)
    ]
    for text in filter(None, (part.strip() for part in setting.split(","))):
        topic, _, kind = text.rpartition("=") if "=" in text else (text, "", "")
        rules.append(_checked(TopicRule(topic, kind or None), "STOCKTIDE_MQTT_TOPICS"))
    if not rules:
        raise Invalid("mqtt_topics", "No topic to listen to: set STOCKTIDE_MQTT_TOPICS.")
    return TopicRules(rules, table.devices)


def _checked(rule: TopicRule, place: str) -> TopicRule:
    for why in _faults_of(rule):
        raise Invalid("mqtt_topics", f"{place}: {why}")
    return rule


def _faults_of(rule: TopicRule) -> Iterator[str]:
    """Yield what is wrong with a rule. Later checks rely on earlier ones: stop at the first fault."""
    yield from _topic_faults(rule.topic)
    names = {*PLACEHOLDER.findall(rule.topic), "topic"}
    if rule.feed is not None:
        # a device may make up a level of its topic, but not the name of somebody's key
        if rule.feed != FEED and not rule.feed.startswith(f"{FEED} "):
            yield f"feed {rule.feed!r} must be {FEED!r}, or begin with '{FEED} '."
        yield from _template_faults("feed", rule.feed, names)
    if rule.kind is not None:
        yield from _kind_faults(rule, rule.kind)
        yield from _template_faults("source", rule.source or "", names)
        return
    says_fields = rule.source or rule.value or rule.fields or rule.constants
    if says_fields or (PLACEHOLDER.search(rule.topic) and not rule.feed):
        kinds = ", ".join(KINDS)
        yield f"{rule.topic!r} names fields, but no kind; plain JSON needs one of {kinds}."


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


def _kind_faults(rule: TopicRule, kind: str) -> Iterator[str]:
    if kind not in KINDS:
        yield f"kind {kind!r} is unknown; there are {', '.join(KINDS)}."
    known = fields_of(kind)
    for name in [*rule.fields, *rule.constants, *([rule.value] if rule.value else [])]:
        if name not in known and name not in ("id", "time", "sequence"):
            yield f"a {kind} has no field {name!r}; there are {', '.join(sorted(known))}."


def _template_faults(what: str, template: str, names: set[str]) -> Iterator[str]:
    for name in PLACEHOLDER.findall(template):
        if name not in names:
            yield f"{what} names {{{name}}}, which the topic has not."
