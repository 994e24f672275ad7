"""Calls of the rejects desk to the API: replays and their previews, drops and their undoing; and their results."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dashboard.api_client import ask_api
from dashboard.reader import Reader
from dashboard.theme import in_words, plural, quantity
from stocktide.foundation.users import User

# Each call takes as many as the API takes at once; a page does not wait for more calls than this.
CALLS_MAX = 10
RECORDED, FAILED = ("accepted", "duplicate"), ("conflict", "rejected")
GO_ON = "Recorded events stay recorded; replay again to continue."


def ask(reader: Reader, user: User, order: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Ask the API for a replay or its trial, on a user's behalf."""
    return _ask(reader, user, "replay", order)


def replay(reader: Reader, user: User, order: dict[str, Any], reason: str) -> tuple[bool, str]:
    """Replay, call after call until all are taken; return the result, and why it stopped before the end."""
    sums: Counter[str] = Counter()
    after = 0
    for _ in range(CALLS_MAX):
        answer, why = ask(reader, user, {**order, "reason": reason, "after": after})
        if answer is None:
            return (False, why) if not sums else (False, f"{replay_sentence(sums)} {why} {GO_ON}")
        sums.update({name: int(answer[name]) for name in (*RECORDED, *FAILED, "closed", "taken")})
        if answer["next"] is None:
            return _helped(sums), replay_sentence(sums)
        after = int(answer["next"])
    more = f"More are open: one replay takes {sums['taken']:,}. {GO_ON}"
    return False, f"{replay_sentence(sums)} {more}"


def _helped(sums: Mapping[str, int]) -> bool:
    return any(sums[name] for name in RECORDED) or not any(sums[name] for name in FAILED)


def replay_sentence(sums: Mapping[str, int]) -> str:
    """Describe the result of a replay."""
    recorded = sum(sums[name] for name in RECORDED)
    failed = sum(sums[name] for name in FAILED)
    known = f" ({sums['duplicate']:,} were recorded before)" if sums["duplicate"] else ""
    parts = [f"{plural(recorded, 'event')} recorded{known}."]
    if failed:
        word = "fails and stays" if failed == 1 else "fail and stay"
        parts.append(f"{plural(failed, 'event')} still {word} open.")
    if sums["closed"]:
        were = "was" if sums["closed"] == 1 else "were"
        parts.append(
            f"{plural(sums['closed'], 'event')} {were} closed by someone else in the meantime."
        )
    return " ".join(parts)


def drop(reader: Reader, user: User, ids: list[int], reason: str) -> tuple[bool, str]:
    """Close rejects that will not be recorded."""
    answer, why = _ask(reader, user, "drop", {"ids": ids, "reason": reason})
    if answer is None:
        return False, why
    return True, f"{plural(answer['dropped'], 'reject')} dropped; see “Dropped”."


def reopen(reader: Reader, user: User, ids: list[int], reason: str) -> tuple[bool, str]:
    """Open rejects again that were dropped."""
    answer, why = _ask(reader, user, "reopen", {"ids": ids, "reason": reason})
    if answer is None:
        return False, why
    return True, f"{plural(answer['reopened'], 'reject')} reopened."


def _ask(
    reader: Reader, user: User, route: str, order: dict[str, Any]
) -> tuple[dict[str, Any] | None, str]:
    settings = reader.settings
    return ask_api(
        "POST",
        f"/v1/rejects/{route}",
        settings.api_address,
        settings.dashboard_key,
        {**order, "user": user.username},
    )


def trial_sentence(told: Mapping[str, Any]) -> str:
    """Describe in a sentence what a replay would do."""
    parts = [f"accept {quantity(told['accepted'])}"]
    if told["duplicate"]:
        parts.append(f"find {quantity(told['duplicate'])} recorded before")
    failing = told["conflict"] + told["rejected"]
    if failing:
        parts.append(f"still refuse {quantity(failing)}")
    if told["left_alone"]:
        parts.append(f"leave {quantity(told['left_alone'])} alone")
    if told["not_events"]:
        parts.append(f"skip {quantity(told['not_events'])} that are not events")
    more = " More are waiting after these." if told["next"] else ""
    changed = plural(told["products_changed"], "product")
    return f"Would {in_words(parts)}; balances of {changed} would change.{more}"
