"""Every route with whatever may come: no answer is a 5xx, none is missing, and memory stays bounded.

`FUZZ_REQUESTS` asks for more than CI has time for, `FUZZ_SEED` for the same ones again.
"""

import gzip
import json
import os
import random
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
import zstandard
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.api_process import ApiProcess, api_process
from tests.http import NO_TLS
from tests.ingest.samples import event

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "1000"))
SCHEMA_SHARE = 0.3
THREADS = 6
ANSWER_S_MAX = 20.0
PEAK_MIB_MAX = 640
# Answers for as long as one listens; the fuzzer below opens it and hangs up.
ENDLESS = "/v1/alerts/stream"
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW")
MEDIA = (
    "application/json", "application/cloudevents+json", "application/cloudevents-batch+json", "application/x-ndjson",
    "application/ld+json", "application/jsonl", "text/plain", "text/csv", "multipart/form-data; boundary=x", "", "?",
    "a/b;", "application/cloudevents+json; charset=utf-16", "application/xml", "application/x-www-form-urlencoded",
)  # fmt: skip
ENCODINGS = ("", "", "", "gzip", "zstd", "deflate", "br", "identity", "gzip, gzip", "\xff")
TEXTS = (
    "", " ", "A", "S1", "0", "-1", "1", "100000000000000000000", "1e400", "NaN", "-Infinity", "null", "true", "[]",
    "{}", "\x00", "\ud800", "é", "😀", "' OR 1=1 --", "%s%n", "../../etc/passwd", "2026-03-01", "2026-03-01T00:00:00Z",
    "0000-00-00", "9999-12-31T23:59:59+23:59", "-infinity", "infinity", "epoch", "PT1S", "x" * 3_000, ",", "a,b", "*",
    "urn:epc:id:sgtin:0614141.107346.2017", "stocktide.sale", "etl", "00000000-0000-0000-0000-000000000000", "\n", "\\",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "0.1", "1_0", "\u0661", "%", "&", "=", "\t",
    "1e1000000", "1e-1000000", "sNaN", "localtime", "Mars/Olympus", "2016-12-31T23:59:60Z", "9999-12-31T23:59:59-23:59",
)  # fmt: skip


# Names of query parameters by method and path.
Parameters = dict[tuple[str, str], list[str]]
PATHS = (
    "/", "/v1", "/v1/events/", "/v2/events", f"/{'a/' * 300}", "/v1/%ff", "/v1/x", "//", "/v1/products/../../x",
    "/openapi.json/", "/docs", "/v1/events?x=1&x=2", "/v1/schemas/stocktide.gift",
)  # fmt: skip
EPCIS_NAMES = (
    "eventType", "GE_eventTime", "LT_eventTime", "GE_recordTime", "EQ_action", "EQ_bizStep", "EQ_disposition",
    "MATCH_epc", "MATCH_anyEPC", "EQ_quantity", "GT_quantity", "EQ_bizLocation", "WD_bizLocation", "EQ_readPoint",
    "EQ_bizTransaction_po", "EQ_eventID", "orderBy", "orderDirection", "eventCountLimit", "maxEventCount",
    "perPage", "nextPageToken", "EXISTS_ilmd", "EQ_reason", "GE_declarationTime", "EQ_type",
    "EQ_source_owning_party", "EQ_value", "X_odd",
)  # fmt: skip
CHUNKS = (b"5\r\nab", b"zz\r\n", b"-1\r\n\r\n", b"", b"1\r\n{\r\n0\r\n\r\n")
ODD_HEADERS: tuple[dict[str, str], ...] = (
    *({"Authorization": text} for text in ("", "Bearer", "Bearer ", "Basic eA==", "Bearer stk_\xff")),
    {"Authorization": "Bearer " + "x" * 5_000},
    {"Accept": "*/*;q=x", "Accept-Encoding": "\xff", "Range": "bytes=-1--1"},
    *({"If-None-Match": "*", "Last-Event-ID": text} for text in ("x", "-1", "9" * 30)),
    {"Content-Length": "0", "Transfer-Encoding": "identity", "Expect": "100-continue"},
    {f"x-{n}": "y" * 50 for n in range(80)},
    {"GS1-EPCIS-Version": "9", "GS1-CBV-Version": "x", "GS1-EPC-Format": "?", "GS1-Capture-Error-Behaviour": "x"},
    {"Cookie": "a=\xff;;=", "Origin": "null", "Host": "", "X-Forwarded-For": "x" * 500},
)  # fmt: skip


@dataclass
class Seen:
    """What came back, from all threads."""

    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, status: int, what: str, answer: str, retry_after: str | None = None) -> None:
        with self.lock:
            self.statuses[str(status)] += 1
            if status >= 500:
                self.faults.append(f"{status} (Retry-After {retry_after}) {what}: {answer[:300]}")

    def hang_up(self, why: str) -> None:
        """No answer was due: the request was cut off, or was no HTTP."""
        with self.lock:
            self.statuses[why] += 1

    def hung(self, what: str) -> None:
        with self.lock:
            self.statuses["hung"] += 1
            self.faults.append(f"no answer within {ANSWER_S_MAX} s: {what}")

    @property
    def total(self) -> int:
        return sum(self.statuses.values())


def fuzz_by_schema(api: ApiProcess, seen: Seen, requests: int, number: int) -> None:
    """Requests that fit the OpenAPI document, and ones that break it, on every route."""
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) == sum(1 for _ in schema.get_all_operations())
    operations = [operation for operation in operations if operation.path != ENDLESS]
    each = max(1, requests // (2 * len(operations)))
    headers = {"Authorization": f"Bearer {api.key}"}
    for operation in operations:
        for mode in GenerationMode:

            @seed(number)
            @settings(
                max_examples=each,
                database=None,
                deadline=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def send(case: Any) -> None:
                what = (
                    f"{case.method} {case.path} {case.path_parameters} {case.query} {case.body!r}"
                )
                try:
                    answer = case.call(base_url=api.url, headers=headers, timeout=ANSWER_S_MAX)
                except OSError as error:
                    if "timed out" in str(error).lower():
                        seen.hung(what)
                    else:
                        seen.hang_up(type(error).__name__)
                    return
                seen.add(answer.status_code, what, answer.text)

            # where nothing is read, nothing can break the document
            with suppress(*((Unsatisfiable,) if mode is GenerationMode.NEGATIVE else ())):
                send()


class Fuzzer:
    """Makes requests of one thread from a seed."""

    def __init__(self, api: ApiProcess, seen: Seen, parameters: Parameters, number: int) -> None:
        self.api, self.seen, self.parameters, self.routes = api, seen, parameters, list(parameters)
        self.rng = random.Random(number)
        self.client = api.client()
        self.ways: list[Callable[[], None]] = [
            *[self.send_query] * 6, *[self.send_event] * 5, *[self.send_body] * 5, self.send_bytes, self.send_unknown,
            self.send_odd_headers, self.send_cut_off, self.send_no_http, self.open_stream,
        ]  # fmt: skip

    def run(self, requests: int) -> None:
        with self.client:
            for _ in range(requests):
                self.rng.choice(self.ways)()

    def _call(
        self, method: str, target: str, headers: dict[str, str] | None = None, **parts: Any
    ) -> None:
        # what is no Latin-1 cannot be in a header at all
        parts["headers"] = {
            name: value.encode("latin-1", "replace") for name, value in (headers or {}).items()
        }
        what = f"{method} {target[:300]} {str(parts)[:600]}"
        try:
            request = self.client.build_request(
                method, self.api.url + target, timeout=ANSWER_S_MAX, **parts
            )
            answer = self.client.send(request)
        except httpx.TimeoutException:
            self.seen.hung(what)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.seen.hang_up(type(error).__name__)
        else:
            self.seen.add(answer.status_code, what, answer.text, answer.headers.get("retry-after"))

    def _text(self) -> str:
        if self.rng.random() < 0.8:
            return self.rng.choice(TEXTS)
        return "".join(chr(self.rng.randrange(1, 0x500)) for _ in range(self.rng.randrange(20)))

    def _quoted(self) -> str:
        if self.rng.random() < 0.5:
            return quote(self.rng.choice(LIKELY), safe="")
        if self.rng.random() < 0.1:
            return self.rng.choice(("%FF", "%C0%A0", "%00", "%", "%zz", "+", "%ED%A0%80"))
        return quote(self._text().encode("utf-8", "surrogatepass"), safe="")

    def _target(self, path: str) -> str:
        parts = [
            (self._quoted() or "x") if part.startswith("{") else part for part in path.split("/")
        ]
        return "/".join(parts)

    def _query(self, names: list[str]) -> str:
        chosen = [self.rng.choice(names) for _ in range(self.rng.randrange(5))] if names else []
        return "&".join(f"{name}={self._quoted()}" for name in chosen)

    def send_query(self) -> None:
        method, path = self.rng.choice([route for route in self.routes if route[1] != ENDLESS])
        method = method if self.rng.random() < 0.9 else self.rng.choice(METHODS)
        names = self.parameters.get((method, path), [])
        names = [*names, *EPCIS_NAMES] if "/epcis/" in path else [*names, "limit", "x"]
        query = self._query(names)
        self._call(method, self._target(path) + (f"?{query}" if query else ""))

    def _value(self, depth: int = 0) -> Any:
        kind = self.rng.randrange(9 if depth < 4 else 6)
        if kind < 3:
            return self._text()
        if kind < 6:
            return self.rng.choice(
                (None, True, 0, -1, 2**31, 2**63, 2**64, 1e308, 0.1, -0.0, 10**400)
            )
        if kind < 7:
            return [self._value(depth + 1) for _ in range(self.rng.randrange(4))]
        return {self._text(): self._value(depth + 1) for _ in range(self.rng.randrange(4))}

    def _mutated(self, value: Any) -> Any:
        """The value with something in it replaced, left out or added."""
        if isinstance(value, dict) and value and self.rng.random() < 0.8:
            name = self.rng.choice(list(value))
            changed = dict(value)
            if self.rng.random() < 0.15:
                del changed[name]
            else:
                changed[name] = self._mutated(value[name])
            if self.rng.random() < 0.1:
                changed[self._text()] = self._value()
            return changed
        if isinstance(value, list) and value and self.rng.random() < 0.8:
            return [self._mutated(value[0]), *value[1:]]
        return self._value()

    def _encoded(self, value: Any) -> bytes:
        body = json.dumps(value, ensure_ascii=self.rng.random() < 0.5).encode(
            "utf-8", "surrogatepass"
        )
        if self.rng.random() < 0.2:
            place = self.rng.randrange(len(body) + 1)
            cut = self.rng.randrange(len(body) + 1)
            body = self.rng.choice(
                (
                    body[:place],
                    body[:place] + self.rng.randbytes(3) + body[place:],
                    body[:place] + body[cut:],
                )
            )
        return body

    def _packed(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        encoding = self.rng.choice(ENCODINGS)
        if self.rng.random() < 0.7:
            if encoding == "gzip":
                body = gzip.compress(body)
            elif encoding == "zstd":
                body = zstandard.compress(body)
            if self.rng.random() < 0.1:
                body = body[: self.rng.randrange(len(body) + 1)]
        return body, {"Content-Encoding": encoding} if encoding else {}

    def send_event(self) -> None:
        """An event in any mode, with something wrong more often than not."""
        kinds = (
            "sale",
            "receipt",
            "transfer",
            "stocktake",
            "correction",
            "dispatch",
            "order",
            "price",
            "reservation",
        )
        documents = [
            event(
                self.rng.choice(kinds),
                f"f{self.rng.randrange(2_000)}",
                minute=self.rng.randrange(99),
            )
            for _ in range(self.rng.randrange(1, 6))
        ]
        documents = [self._mutated(d) if self.rng.random() < 0.6 else d for d in documents]
        mode = self.rng.choice(("one", "batch", "lines", "binary"))
        headers: dict[str, str] = {}
        if mode == "one":
            body, media = self._encoded(documents[0]), "application/cloudevents+json"
        elif mode == "batch":
            body, media = self._encoded(documents), "application/cloudevents-batch+json"
        elif mode == "lines":
            body, media = b"\n".join(map(self._encoded, documents)), "application/x-ndjson"
        else:
            one = documents[0] if isinstance(documents[0], dict) else {}
            body, media = self._encoded(one.pop("data", None)), self.rng.choice(MEDIA)
            headers = {
                "ce-" + (quote(str(n).encode("utf-8", "replace"), safe="") or "x"): quote(
                    str(v).encode("utf-8", "replace")
                )
                for n, v in one.items()
            }
        body, packing = self._packed(body)
        if self.rng.random() < 0.1:
            media = self.rng.choice(MEDIA)
        self._call(
            "POST",
            "/v1/events",
            content=body,
            headers={**headers, **packing, "Content-Type": media},
        )

    def send_body(self) -> None:
        """JSON that nearly fits, to every route that reads a body."""
        method, path = self.rng.choice([route for route in self.routes if route[0] != "GET"])
        fitting = BODIES.get(path) if self.rng.random() < 0.8 else None
        whole = self.rng.choice(fitting or [body for some in BODIES.values() for body in some])
        body = self._encoded(self._mutated(whole) if self.rng.random() < 0.8 else whole)
        headers = {
            "Content-Type": self.rng.choice(MEDIA[:6]) if self.rng.random() < 0.3 else MEDIA[0]
        }
        self._call(method, self._target(path), content=body, headers=headers)

    def send_bytes(self) -> None:
        """Bytes of no meaning, and JSON that is deep or huge."""
        method, path = self.rng.choice([route for route in self.routes if route[0] != "GET"])
        body = self.rng.choice(
            (
                self.rng.randbytes(self.rng.randrange(2_000)),
                b"[" * self.rng.randrange(1, 60_000),
                b'{"a":' * self.rng.randrange(1, 20_000),
                b"9" * self.rng.randrange(1, 50_000),
                b'"' + b"x" * self.rng.randrange(1, 200_000),
                b"\xef\xbb\xbf{}",
                b"\x00" * 1_000,
                json.dumps({"data": self._value()}).encode("utf-16"),
                b"",
            )
        )
        self._call(
            method,
            self._target(path),
            content=body,
            headers={"Content-Type": self.rng.choice(MEDIA)},
        )

    def send_unknown(self) -> None:
        """Routes and methods that are not there."""
        self._call(self.rng.choice(METHODS), self.rng.choice(PATHS))

    def send_odd_headers(self) -> None:
        method, path = self.rng.choice([route for route in self.routes if route[1] != ENDLESS])
        self._call(method, self._target(path), headers=self.rng.choice(ODD_HEADERS))

    def _raw(self, data: bytes, *, then: bytes = b"", wait_s: float = 0.0) -> None:
        with socket.create_connection(("127.0.0.1", self.api.port), timeout=ANSWER_S_MAX) as sock:
            try:
                sock.sendall(data)
                time.sleep(wait_s)
                sock.sendall(then)
                sock.shutdown(socket.SHUT_WR)
                answer = b""
                while part := sock.recv(65_536):
                    answer += part
            except TimeoutError:
                self.seen.hung(repr(data[:200]))
                return
            except OSError as error:
                self.seen.hang_up(type(error).__name__)
                return
        if answer.startswith(b"HTTP/1.1 "):
            self.seen.add(int(answer[9:12]), repr(data[:200]), answer[:500].decode("latin-1"))
        else:
            self.seen.hang_up("cut off")

    def send_cut_off(self) -> None:
        """A request whose body ends before it should, some of them slowly."""
        media = self.rng.choice(
            ("application/cloudevents+json", "application/x-ndjson", "application/ld+json")
        )
        path = self.rng.choice([path for method, path in self.routes if method in ("POST", "PUT")])
        body = json.dumps(event("sale")).encode()
        head = (
            f"{'PUT' if ('PUT', path) in self.routes else 'POST'} {self._target(path)} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {self.api.key}\r\nContent-Type: {media}\r\n"
        ).encode()
        chunked = self.rng.random() < 0.3
        if chunked:
            sent = head + b"Transfer-Encoding: chunked\r\n\r\n" + self.rng.choice(CHUNKS)
        else:
            sent = head + f"Content-Length: {len(body) + 10}\r\n\r\n".encode() + body
        place = (
            self.rng.randrange(len(head), len(sent) + 1) if self.rng.random() < 0.8 else len(sent)
        )
        slow = 0.05 if self.rng.random() < 0.3 else 0.0
        self._raw(sent[: place // 2], then=sent[place // 2 : place], wait_s=slow)

    def send_no_http(self) -> None:
        self._raw(
            self.rng.choice(
                (
                    b"\x16\x03\x01\x02\x00\x01\x00\x01",
                    b"GET / HTTP/9.9\r\n\r\n",
                    b"GET\r\n\r\n",
                    b"POST /v1/events HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                    b"POST /v1/events HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx",
                    b"GET /v1/products HTTP/1.1\r\n" + b"a: b\r\n" * 2_000,
                    b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    self.rng.randbytes(200) + b"\r\n\r\n",
                )
            )
        )

    def open_stream(self) -> None:
        """The endless route: its head, then a hang-up."""
        query = self._query(["rule", "after", "types", "kind", "x"])
        head = f"GET {ENDLESS}?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.api.key}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.api.port), timeout=ANSWER_S_MAX) as sock:
            try:
                sock.sendall(head.encode())
                answer = sock.recv(65_536)
            except TimeoutError:
                self.seen.hung(head)
                return
        self.seen.add(int(answer[9:12]), head, answer.decode("latin-1"))


EPCIS_EVENT: dict[str, Any] = {
    "type": "ObjectEvent", "action": "ADD", "eventTime": "2026-03-01T00:00:00Z", "eventTimeZoneOffset": "+00:00",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.2017"], "bizStep": "shipping", "disposition": "in_transit",
    "readPoint": {"id": "urn:epc:id:sgln:0614141.00777.0"}, "bizLocation": {"id": "urn:epc:id:sgln:0614141.00888.0"},
    "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 2, "uom": "KGM"}],
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:0614141.00002.PO-1"}],
    "errorDeclaration": {"declarationTime": "2026-03-01T00:00:00Z", "reason": "incorrect_data"},
    "ilmd": {"lotNumber": "L1"},
}  # fmt: skip
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
RULE = {
    "type": "ObjectEvent",
    "action": "ADD",
    "biz_step": "shipping",
    "disposition": None,
    "kind": "receipt",
}
REJECTS = {"reason": "unknown_product", "source": "/shops/S1/till", "since": "2026-03-01T00:00:00Z"}
# What nearly fits each route that reads a body; the others get any of these.
BODIES: dict[str, list[Any]] = {
    "/v1/products": [{"products": [{
        "sku": "A", "name": "Apple", "packs": {"case": 12}, "price": "1.5", "currency": "EUR", "unit": "each",
        "attributes": {"a": 1}}]}],
    "/v1/locations": [{"locations": [{"code": "S1", "timezone": "Europe/Berlin", "country": "DE", "region": "N"}]}],
    "/v1/sessions": [{"username": "admin", "password": "wrong"}],
    "/v1/forecasts/promote": [{"version": 1, "reason": "because", "user": "x"}],
    "/v1/forecasts/rollback": [{"version": 1, "reason": "because"}],
    "/v1/webhooks": [{
        "url": "https://example.com/hook", "rules": ["out_of_stock"], "name": "hook", "locations": ["S1"]}],
    "/v1/webhooks/{webhook_id}": [{"url": "https://example.org/x", "active": False, "rotate_secret": True}],
    "/v1/alerts/{alert_id}": [{"reason": "seen", "acknowledge": True, "silence_until": "2027-03-01T00:00:00Z"}],
    "/v1/reorder-points": [{"reorder_points": [{"product": "A", "location": "S1", "reorder_point": "5"}]}],
    "/v1/rejects/replay": [
        {"filter": REJECTS, "edit": {"field": "data.product", "value": "A"}, "reason": "x", "after": 0},
        {"ids": [1, 2, 3], "dry_run": True, "reason": "x"},
    ],
    "/v1/rejects/{reject_id}/mend": [
        {"raw": json.dumps(event("sale", "mended")), "reason": "x", "user": "y"},
        {"edits": {"data.product": "A", "id": "m"}, "reason": "x", "dry_run": True},
    ],
    "/v1/rejects/drop": [{"ids": [1, 2], "reason": "x"}],
    "/v1/rejects/reopen": [{"ids": [1, 2], "reason": "x"}],
    "/v1/epcis/capture": [{
        "@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T00:00:00Z",
        "epcisBody": {"eventList": [EPCIS_EVENT]}}],
    "/v1/epcis/events": [{"@context": CONTEXT, **EPCIS_EVENT}],
    "/v1/epcis/movements": [{"movements": [RULE]}],
    "/v1/calendar/events": [{"events": [{
        "id": "e1", "name": "Fair", "day": "2026-03-01", "days_before": 1, "days_after": 1, "location": "S1"}]}],
    "/v1/calendar/prices": [{"prices": [{
        "id": "p1", "product": "A", "from": "2026-03-01", "to": "2026-03-31", "price": "1.5"}], "user": "x"}],
    "/v1/calendar/promotions": [{"promotions": [{
        "product": "A", "from": "2026-03-01", "to": "2026-03-07", "kind": "display", "discount": 0.3,
        "known_since": "2026-02-01T00:00:00Z"}]}],
    "/v1/calendar/closures": [{"closures": [{"location": "S1", "from": "2026-03-01", "to": "2026-03-01"}]}],
    "/v1/calendar/regressors": [{"regressors": [{
        "name": "temperature", "location": "S1", "from": "2026-03-01", "to": "2026-03-01", "value": 17.5}]}],
}  # fmt: skip
# What a parameter of a path or query may well be, so that more than its check is reached.
LIKELY = (
    "1", "2", "3", "10", "A", "S1", "open", "out_of_stock", "stocktide.sale", "ObjectEvent", "etl",
    "/shops/S1/till", "f1", "2026-03-01T00:00:00Z", "shipping", "urn:epc:id:sgtin:0614141.107346.2017", "true",
    "eventTime", "DESC",
)  # fmt: skip


def documented(api: ApiProcess) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Every method and path with the names of its query parameters."""
    document = httpx.get(f"{api.url}/openapi.json", timeout=30, verify=NO_TLS).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            yield (method.upper(), path), names


@pytest.mark.system
@pytest.mark.timeout(60 + REQUESTS)
def test_no_route_answers_5xx_or_not_at_all_whatever_comes(
    database_url: str, tmp_path: Path
) -> None:
    number = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(2**32))
    print(f"FUZZ_SEED={number}")  # noqa: T201 - pytest shows it where the test fails
    seen = Seen()
    started = time.monotonic()
    with api_process(database_url, tmp_path / "home", alert_stream_clients_max=100_000) as api:
        with api.client() as client:
            for path in ("/v1/products", "/v1/locations"):
                client.put(path, json=BODIES[path][0]).raise_for_status()
        parameters = dict(documented(api))
        fuzz_by_schema(api, seen, int(REQUESTS * SCHEMA_SHARE), number)
        by_schema = seen.total
        each = (REQUESTS - by_schema) // THREADS + 1
        with ThreadPoolExecutor(THREADS) as pool:
            fuzzers = [Fuzzer(api, seen, parameters, number + n) for n in range(THREADS)]
            for done in [pool.submit(fuzzer.run, each) for fuzzer in fuzzers]:
                done.result()
        with api.client() as client:
            assert client.get("/healthz").json() == {"status": "ok"}
        peak = api.peak_mib()
        said = api.log.read_text(errors="replace")
    seconds = time.monotonic() - started
    print(  # noqa: T201 - for whoever asked for many
        f"{seen.total} requests ({by_schema} by schema) on {len(parameters)} routes in {seconds:.0f} s, "
        f"peak {peak:.0f} MiB: {dict(seen.statuses)}"
    )
    assert not seen.faults, (
        f"{len(seen.faults)} faults:\n" + "\n".join(seen.faults[:10]) + "\n" + said[-3_000:]
    )
    assert seen.total >= REQUESTS
    assert {"200", "400", "404"} <= set(seen.statuses)
    assert peak < PEAK_MIB_MAX


@pytest.mark.system
def test_overload_is_refused_with_retry_after_while_others_are_answered(
    database_url: str, tmp_path: Path
) -> None:
    """More events than may wait, and senders that never end their request; whoever asks meanwhile gets an answer."""
    lines = b"\n".join(json.dumps(event("sale", f"{n}")).encode() for n in range(1_000))
    slow = []
    with api_process(
        database_url, tmp_path / "home", create_on_first_sight=True, events_waiting_max=2_000
    ) as api:
        head = (
            f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.key}\r\n"
            "Content-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n{"
        )
        for _ in range(100):
            slow.append(socket.create_connection(("127.0.0.1", api.port), timeout=ANSWER_S_MAX))
            slow[-1].sendall(head.encode())
        with api.client() as client, ThreadPoolExecutor(16) as pool:
            headers = {"Content-Type": "application/x-ndjson"}
            asked = [
                pool.submit(client.post, "/v1/events", content=lines, headers=headers)
                for _ in range(200)
            ]
            waited = []
            while not all(one.done() for one in asked):
                began = time.monotonic()
                client.get("/v1/schemas").raise_for_status()
                waited.append(time.monotonic() - began)
            answers = [one.result() for one in asked]
            peak = api.peak_mib()
        for connection in slow:
            connection.close()
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in refused:
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "too_busy"
    assert (
        sum(answer.json()["accepted"] for answer in answers if answer.status_code == 200) == 1_000
    )
    assert max(waited) < ANSWER_S_MAX / 2
    assert peak < PEAK_MIB_MAX
