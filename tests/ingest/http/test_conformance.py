"""CloudEvents over HTTP: its own conformance features, and its binding to the letter."""

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import zstandard

from ingest.http.envelopes import Cut, cut_body
from ingest.parsing.events import Event, Fault, StockEvent
from ingest.parsing.parser import EventParser
from stocktide.foundation.errors import UnsupportedMedia
from stocktide.foundation.settings import Settings
from tests.api_process import api_process
from tests.conftest import Api
from tests.ingest.samples import event, raw

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NDJSON = "application/x-ndjson"
LINES = 60_000
PARSER = EventParser(Settings())


@dataclass
class Step:
    """One line of a scenario, with the text or the table below it."""

    says: str
    text: str = ""
    table: list[list[str]] = field(default_factory=list)


def scenarios(feature: str) -> Iterator[tuple[str, list[Step]]]:
    """The scenarios of a feature, an outline once for each of its examples."""
    for part in re.split(r"^\s*Scenario(?: Outline)?:", feature, flags=re.MULTILINE)[1:]:
        outline, _, examples = part.partition("Examples:")
        rows = [_cells(line) for line in examples.splitlines() if line.strip().startswith("|")]
        for values in rows[1:] or [[]]:
            filled = outline
            for name, value in zip(rows[0] if rows else [], values, strict=True):
                filled = filled.replace(f"<{name}>", value)
            title, _, steps = filled.partition("\n")
            yield title.strip(), list(_steps(steps))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _steps(text: str) -> Iterator[Step]:
    step: Step | None = None
    lines = iter(text.splitlines())
    for line in lines:
        word = line.strip()
        if word == '"""' and step is not None:
            indent = len(line) - len(line.lstrip())
            below = iter(lambda: next(lines), " " * indent + '"""')
            step.text = "\n".join(part[indent:] for part in below)
        elif word.startswith("|") and step is not None:
            step.table.append(_cells(line))
        elif word:
            if step is not None:
                yield step
            step = Step(word)
    if step is not None:
        yield step


def cut_request(text: str) -> Cut:
    """Cut the request that a scenario writes down."""
    head, _, body = text.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    lower = {name.lower(): value for name, value in headers.items()}
    return cut_body(lower["content-type"], lower, body.encode())


def test_conformance_features_of_cloudevents_hold(test_data: Path) -> None:
    feature = (test_data / "cloudevents" / "http-protocol-binding.feature").read_text()
    done = []
    for title, steps in scenarios(feature):
        document: dict[str, Any] = {}
        for step in steps:
            if step.says == "Given an HTTP request":
                cut = cut_request(step.text)
                assert (cut.mode, cut.fault, len(cut)) == ("single", None, 1)
            elif step.says == "When parsed as HTTP request":
                document = json.loads(cut[0])
            elif step.says == "Then the attributes are:":
                expected = dict(step.table[1:])
                assert {n: v for n, v in document.items() if n != "data"} == expected
            elif step.says == "And the data is equal to the following JSON:":
                assert document["data"] == json.loads(step.text)
                done.append(title)
            else:
                pytest.fail(f"unknown step: {step.says}")
    assert len(done) == len(set(done)) == 4


@pytest.fixture
def shop(api: Api) -> Api:
    api.ingest.put("/v1/products", json={"products": [{"sku": "A"}]}).raise_for_status()
    places = {"locations": [{"code": "S1"}, {"code": "S2"}]}
    api.ingest.put("/v1/locations", json=places).raise_for_status()
    return api


def post(api: Api, content: Any, content_type: str | None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        named["content-type"] = content_type
    return api.ingest.post("/v1/events", content=content, headers=named)


def binary(**attributes: str) -> tuple[bytes, dict[str, str]]:
    """A sale in binary mode: its data, and its headers with `attributes` added or replaced."""
    document = event("sale")
    data = json.dumps(document.pop("data")).encode()
    return data, {f"ce_{name}": value for name, value in {**document, **attributes}.items()}


def kept(engine: sa.Engine) -> tuple[str, str, Any]:
    """The one event of the ledger: id, source and further attributes."""
    query = "SELECT event_id, source, attributes FROM ledger JOIN sources USING (source_id)"
    with engine.connect() as connection:
        event_id, source, attributes = connection.execute(sa.text(query)).one()
    return event_id, source, attributes


def parsed(content: bytes, content_type: str, headers: dict[str, str]) -> Event | Fault:
    """What a request with one event means, or what is wrong with it."""
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    cut = cut_body(content_type, named, content)
    return cut.fault or PARSER.parse(cut[0])


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("plain-1", "plain-1"),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("lower%e2%82%ac", "lower€"),
        ("%41%42", "AB"),
        ("100%25", "100%"),
        ("%2525", "%25"),
        ('"in quotes"', "in quotes"),
        (r'"say \"no\" \\ yes"', r'say "no" \ yes'),
        ('"quoted%20too"', "quoted too"),
        ("  spaces around  ", "spaces around"),
        ("no%zzcode", "no%zzcode"),
        ("Zürich".encode().decode("latin-1"), "Zürich"),
    ],
)
def test_binary_headers_are_unquoted_then_percent_decoded_once(written: str, means: str) -> None:
    data, headers = binary(id=written, subject=written)
    found = parsed(data, "application/json", headers)
    assert isinstance(found, StockEvent)
    assert (found.event_id, json.loads(found.attributes or "")) == (means, {"subject": means})


@pytest.mark.parametrize("written", ["%C0%A0", "%FF", "%E2%82", "%ED%A0%80"])
@pytest.mark.parametrize("name", ["id", "subject"])
def test_binary_headers_are_refused_when_they_are_no_utf8(name: str, written: str) -> None:
    data, headers = binary(**{name: written})
    fault = parsed(data, "application/json", headers)
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.field) == ("bad_encoding", name)


def test_binary_event_is_read_and_kept_over_http(shop: Api, database: sa.Engine) -> None:
    data, headers = binary(id="Euro%20%E2%82%AC", subject='"shelf 3"', CamelCase="x%20y")
    refused = post(shop, data, "application/json", **{**headers, "ce_id": "%FF"})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_encoding")
    assert post(shop, data, "application/json", **headers).json()["outcome"] == "accepted"
    attributes = {"camelcase": "x y", "subject": "shelf 3"}
    assert kept(database) == ("Euro €", "/shops/S1/till", attributes)
    with database.connect() as connection:
        assert bytes(connection.execute(sa.text("SELECT raw FROM rejects")).scalar_one()) == data


def test_structured_attributes_are_kept_with_their_types(shop: Api, database: sa.Engine) -> None:
    further = {
        "subject": "shelf 3",
        "dataschema": "https://example.com/sale.json",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "partitionkey": "S1",
        "sequence": 12,
        "sampled": True,
    }
    document = {**event("sale"), **further, "datacontenttype": "application/json"}
    assert post(shop, json.dumps(document), STRUCTURED).json()["outcome"] == "accepted"
    assert kept(database)[2] == further
    turned = json.dumps(dict(reversed(document.items())))
    assert post(shop, turned, STRUCTURED).json()["outcome"] == "duplicate"
    other = post(shop, json.dumps({**document, "sequence": 13}), STRUCTURED)
    assert (other.status_code, other.json()["field"]) == (409, "sequence")


def test_all_modes_bring_the_same_event(shop: Api) -> None:
    document = {**event("sale"), "subject": "shelf 3"}
    data = document["data"]
    packed = base64.b64encode(json.dumps(data).encode()).decode()
    with_base64 = {n: v for n, v in document.items() if n != "data"} | {"data_base64": packed}
    body, headers = binary(subject="shelf%203")
    answers = [
        post(shop, json.dumps(document), STRUCTURED),
        post(shop, json.dumps(with_base64), f"{STRUCTURED}; charset=UTF-8"),
        post(shop, json.dumps({**document, "datacontenttype": "Application/JSON"}), STRUCTURED),
        post(shop, body, "application/json", **headers),
        post(shop, body, "application/json; charset=utf-8", **headers),
        post(shop, body, None, **headers),
        post(shop, json.dumps(document) + "\n", NDJSON),
        post(shop, json.dumps([document]), "Application/CloudEvents-Batch+JSON"),
        post(
            shop, gzip.compress(json.dumps(document).encode()), STRUCTURED, content_encoding="gzip"
        ),
        post(
            shop,
            zstandard.compress(json.dumps([document]).encode()),
            BATCH,
            content_encoding="zstd",
        ),
        post(
            shop, zlib.compress(json.dumps(document).encode()), NDJSON, content_encoding="deflate"
        ),
    ]
    outcomes = [a.json()["outcomes"][0] if "outcomes" in a.json() else a.json() for a in answers]
    assert [o["outcome"] for o in outcomes] == ["accepted"] + ["duplicate"] * (len(answers) - 1)


def test_a_suffix_of_json_is_json_and_kept() -> None:
    data, headers = binary()
    found = parsed(data, "application/vnd.shop+json", headers)
    assert isinstance(found, StockEvent)
    assert json.loads(found.attributes or "") == {"datacontenttype": "application/vnd.shop+json"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"data_base64": "eyJ9"}, "two_data"),
        ({"data": None}, "wrong_type"),
        ({"Subject": "upper"}, "attribute_name"),
        ({"my-name": "dash"}, "attribute_name"),
        ({"deep": {"a": 1}}, "attribute_value"),
        ({"share": 0.5}, "attribute_value"),
        ({"long": 2**40}, "attribute_value"),
        ({f"a{n}": n for n in range(51)}, "attributes"),
        ({"nul": "a\x00b"}, "bad_text"),
        ({"specversion": "0.3"}, "specversion"),
    ],
)
def test_structured_event_is_refused_by_name_when_it_breaks_a_rule(
    change: dict[str, Any], reason: str
) -> None:
    fault = parsed(json.dumps({**event("sale"), **change}).encode(), STRUCTURED, {})
    assert isinstance(fault, Fault)
    assert fault.reason == reason


def test_binary_data_that_is_no_json_is_refused() -> None:
    data, headers = binary()
    fault = parsed(data, "text/plain", headers)
    assert isinstance(fault, Fault)
    assert fault.reason == "datacontenttype"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+xml",
        "application/cloudevents-batch+avro",
        "application/cloudevents",
        "application/cloudevents+json; charset=iso-8859-1",
        'application/cloudevents-batch+json; charset="utf-16"',
    ],
)
def test_other_formats_and_charsets_are_not_read(content_type: str) -> None:
    data, headers = binary()
    with pytest.raises(UnsupportedMedia):
        parsed(data, content_type, headers)


@pytest.mark.parametrize("name", ["data", "data_base64", "datacontenttype"])
def test_binary_headers_that_are_no_attributes_are_refused(name: str) -> None:
    data, _ = binary()
    cut = cut_body("application/json", {"ce-specversion": "1.0", f"ce-{name}": "x"}, data)
    assert cut.fault is not None
    assert cut.fault.reason == "attribute_name"


def test_a_cut_packed_body_is_refused_and_records_no_half(shop: Api, database: sa.Engine) -> None:
    packers: Any = {"gzip": gzip.compress, "zstd": zstandard.compress, "deflate": zlib.compress}
    for encoding, pack in packers.items():
        for content_type in (STRUCTURED, BATCH, NDJSON):
            body = b"[" + raw(kind="sale") + b"]" if content_type == BATCH else raw(kind="sale")
            answer = post(shop, pack(body)[:-5], content_type, content_encoding=encoding)
            assert (answer.status_code, answer.json()["code"]) == (400, "broken_encoding")
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM ledger")).scalar_one() == 0


def test_a_stream_longer_than_a_batch_stays_in_bounded_memory(
    database_url: str, tmp_path: Path
) -> None:
    """Lines many times the limits of a body and a batch, and bombs of every packing, in one process."""
    line = json.dumps(event("sale")).replace("}}", "}" + " " * 700 + "}").encode() + b"\n"
    with api_process(database_url, tmp_path / "home", create_on_first_sight=True) as api:
        with api.client() as client:
            assert _stream(client, iter([line] * 4_000)).json()["accepted"] == 1
            before = api.peak_mib()
            answer = _stream(client, (line * 100 for _ in range(LINES // 100)))
            assert (answer.status_code, answer.json()["duplicate"]) == (200, LINES)
            assert len(answer.json()["outcomes"]) == 0
            for encoding, packed in _bombs().items():
                for content_type in (STRUCTURED, BATCH, NDJSON):
                    refused = client.post(
                        "/v1/events",
                        content=packed,
                        headers={"content-type": content_type, "content-encoding": encoding},
                    )
                    assert refused.status_code == 413, refused.text
        grown = api.peak_mib() - before
    sent = LINES * len(line) / 2**20
    print(f"{sent:.0f} MiB of lines and 1.5 GiB of bombs: {before:.0f} MiB + {grown:.0f} MiB")  # noqa: T201
    assert sent > 3 * 16
    assert grown < 160


def _stream(client: httpx.Client, parts: Iterator[bytes]) -> httpx.Response:
    return client.post("/v1/events", content=parts, headers={"content-type": NDJSON})


def _bombs() -> dict[str, bytes]:
    """256 MiB of one letter in a few kilobytes."""
    gzipped, zstded = zlib.compressobj(9, wbits=31), zstandard.ZstdCompressor().compressobj()
    letters = b"x" * 2**20
    return {
        "gzip": b"".join(gzipped.compress(letters) for _ in range(256)) + gzipped.flush(),
        "zstd": b"".join(zstded.compress(letters) for _ in range(256)) + zstded.flush(),
    }
