import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from catalog.cache import ALL, PAUSE_S, ProductCache
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.embedded import Valkey


@pytest.fixture
def cache(valkey_server: Valkey, valkey: "redis.Redis") -> Iterator[ProductCache]:
    """A cache over an empty Valkey."""
    del valkey
    client = connect_cache(valkey_server.url)
    yield ProductCache(client, ttl_s=60)
    client.close()


class Source:
    """What the database would say; counts how often it was asked."""

    def __init__(self, value: Any = "old") -> None:
        self.value = value
        self.loads = 0

    def load(self) -> Any:
        self.loads += 1
        return self.value


def test_read_loads_once_and_counts_when_asked_twice(cache: ProductCache) -> None:
    source = Source({"price": 1.5, "name": "Süß", "stock": [None, True]})
    assert [cache.read("product", "7", source.load) for _ in range(3)] == [source.value] * 3
    assert (source.loads, cache.statistics()) == (1, {"hits": 2, "misses": 1})


def test_read_gives_the_same_shape_when_it_is_loaded_and_when_it_is_found(
    cache: ProductCache,
) -> None:
    value = {"at": time.gmtime(0)[:3], 5: "five"}
    assert cache.read("product", "7", lambda: value) == cache.read("product", "7", lambda: None)


def test_read_gives_the_same_answer_when_redis_is_away(cache: ProductCache, tmp_path: Path) -> None:
    away = connect_cache(f"unix://{tmp_path / 'nobody.sock'}")
    value = {"at": datetime(2026, 3, 1, 10, tzinfo=UTC), "day": date(2026, 3, 1), "units": 1.5}
    without = ProductCache(away, ttl_s=60).read("product", "7", lambda: value)
    assert (
        without
        == cache.read("product", "7", lambda: value)
        == cache.read("product", "7", lambda: None)
    )
    assert without["at"] == "2026-03-01T10:00:00+00:00"
    away.close()


def test_drop_forgets_the_named_and_keeps_the_others(cache: ProductCache) -> None:
    sources = {name: Source() for name in ("1", "2")}
    for _ in range(2):
        for name, source in sources.items():
            cache.read("product", name, source.load)
        cache.drop("product", ["1"])
    assert {name: source.loads for name, source in sources.items()} == {"1": 2, "2": 1}


def test_drop_of_all_forgets_the_family_and_keeps_other_families(cache: ProductCache) -> None:
    product, trending = Source(), Source()
    for _ in range(2):
        cache.read("product", "1", product.load)
        cache.read("trending", "1", trending.load)
        cache.drop("product", [ALL])
    assert (product.loads, trending.loads) == (2, 1)


def test_read_forgets_when_the_time_to_live_is_over(cache: ProductCache) -> None:
    source = Source()
    cache.read("product", "1", source.load, ttl_s=1)
    time.sleep(1.2)
    cache.read("product", "1", source.load, ttl_s=1)
    assert source.loads == 2


@pytest.mark.parametrize("dropped", ["1", ALL])
@pytest.mark.parametrize("dropped_before", [False, True])
def test_slow_reader_does_not_put_back_an_old_value_when_it_was_dropped_meanwhile(
    cache: ProductCache, dropped: str, dropped_before: bool
) -> None:
    if dropped_before:
        cache.drop("product", [dropped])
    reading, changed = threading.Event(), threading.Event()

    def slow() -> str:
        reading.set()
        assert changed.wait(10)
        return "old"

    answers: list[str] = []
    reader = threading.Thread(target=lambda: answers.append(cache.read("product", "1", slow)))
    reader.start()
    assert reading.wait(10)
    cache.drop("product", [dropped])
    changed.set()
    reader.join()
    assert answers == ["old"]
    assert cache.read("product", "1", lambda: "new") == "new"
    assert cache.read("product", "1", lambda: "newer") == "new"


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey that the test may stop."""
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.stop()


def wait_for_hit(cache: ProductCache, family: str, name: str, load: Callable[[], Any]) -> None:
    """Read until the cache answers from what it holds."""
    deadline = time.monotonic() + 10 * PAUSE_S
    while True:
        before = (cache.statistics() or {"hits": 0})["hits"]
        cache.read(family, name, load)
        if (cache.statistics() or {"hits": 0})["hits"] > before:
            return
        assert time.monotonic() < deadline, "no hit again"
        time.sleep(0.1)


def test_reads_stay_right_when_valkey_stops_and_hit_again_when_it_is_back(
    own_valkey: Valkey,
) -> None:
    cache = ProductCache(connect_cache(own_valkey.url), ttl_s=60)
    source = Source("first")
    assert cache.read("product", "1", source.load) == "first"
    own_valkey.stop()
    for value in ("second", "third"):
        source.value = value
        started = time.monotonic()
        assert cache.read("product", "1", source.load) == value
        assert time.monotonic() - started < 2
    assert cache.statistics() is None
    own_valkey.start()
    wait_for_hit(cache, "product", "1", source.load)
    assert cache.read("product", "1", source.load) == "third"


def test_read_is_right_when_valkey_stops_between_look_up_and_store(own_valkey: Valkey) -> None:
    cache = ProductCache(connect_cache(own_valkey.url), ttl_s=60)

    def load() -> str:
        own_valkey.stop()
        return "value"

    assert cache.read("product", "1", load) == "value"
    assert cache.read("product", "1", lambda: "newer") == "newer"


def unreachable(cache: ProductCache, away: bool) -> None:
    """Have the cache's client miss its server, which runs on with all that it holds, or find it again."""
    cache._paused_until = time.monotonic() + 3600 if away else 0.0


@pytest.mark.parametrize("dropped", ["1", ALL])
def test_missed_drop_is_made_good_when_the_cache_is_reached_again(
    cache: ProductCache, dropped: str
) -> None:
    cache.read("product", "1", lambda: "old")
    unreachable(cache, True)
    cache.drop("product", [dropped])
    assert cache.read("product", "1", lambda: "new") == "new"
    unreachable(cache, False)
    assert cache.read("product", "1", lambda: "new") == "new"
    assert cache.read("product", "1", lambda: "newer") == "new"


def test_missed_drop_is_made_good_when_another_family_or_value_is_touched_first(
    cache: ProductCache,
) -> None:
    cache.read("product", "1", lambda: "old")
    unreachable(cache, True)
    cache.drop("product", ["1"])
    unreachable(cache, False)
    cache.read("trending", "all", lambda: "list")
    cache.drop("product", ["2"])
    assert cache.read("product", "1", lambda: "new") == "new"
