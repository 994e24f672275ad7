import asyncio
import threading
from typing import Any

import pytest

from alerts.addresses import Allowed, Target, check_url
from alerts.dns import Resolver
from stocktide.foundation.errors import Invalid, Transient
from tests.alerts.resolvers import resolving

ANY = Allowed(http=True, private=True)


def resolve(target: Target, allowed: Allowed) -> list[str]:
    async def ask() -> list[str]:
        return await Resolver().resolve(target, allowed)

    return asyncio.run(ask())


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1"])
def test_resolve_refuses_a_name_that_leads_inside(host: str) -> None:
    """Names are looked at where they lead, at every try: also numbers in disguise."""
    target = check_url(f"https://{host}/", Allowed())
    with pytest.raises(Invalid, match="no public address"):
        resolve(target, Allowed())
    assert set(resolve(target, Allowed(private=True))) <= {"127.0.0.1", "::1"}


def test_resolve_refuses_a_name_of_which_one_address_leads_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, {"both.test": ["93.184.215.14", "10.0.0.1"]})
    with pytest.raises(Invalid, match=r"both.test \(10.0.0.1\) is no public address"):
        resolve(check_url("https://both.test/", Allowed()), Allowed())


def test_resolve_says_when_there_is_no_such_host() -> None:
    with pytest.raises(Transient, match="has no address"):
        resolve(check_url("https://nowhere.invalid/", Allowed()), Allowed())


def test_slow_host_has_one_thread_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, asked = threading.Event(), []

    def slow(*arguments: Any) -> None:
        asked.append(arguments)
        answered.wait(30)

    resolving(monkeypatch, {"slow.test": ["127.0.0.1"], "quick.test": ["127.0.0.2"]}, slow=slow)
    names = Resolver()

    async def ask() -> list[Any]:
        target = Target("http", "slow.test", 80, "/")
        waiting = [asyncio.create_task(names.resolve(target, ANY)) for _ in range(50)]
        # some give up: their look-up is left to the others
        await asyncio.sleep(0.1)
        for task in waiting[:49]:
            task.cancel()
        async with asyncio.timeout(5):
            quick = await names.resolve(Target("http", "quick.test", 80, "/"), ANY)
        answered.set()
        return [quick, await waiting[49], len(asked)]

    assert asyncio.run(ask()) == [["127.0.0.2"], ["127.0.0.1"], 1]


def test_host_is_asked_for_again_after_a_look_up_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts: dict[str, list[str]] = {"late.test": []}
    resolving(monkeypatch, hosts)
    names, target = Resolver(), Target("http", "late.test", 80, "/")

    async def ask() -> list[str]:
        with pytest.raises(Transient, match=r"late.test has no address"):
            await names.resolve(target, ANY)
        hosts["late.test"] = ["127.0.0.1", "127.0.0.1", "::1"]
        return await names.resolve(target, ANY)

    assert asyncio.run(ask()) == ["127.0.0.1", "::1"]
