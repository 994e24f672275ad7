"""One try to post a message: to the addresses of its URL in turn, all of them checked before any is connected to."""

import asyncio
import email.utils
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

import httpx

from alerts.addresses import Allowed, Target, check_url
from alerts.dns import Resolver
from stocktide.foundation.errors import StocktideError

# Of a host with more addresses, the first ones; each has its share of the time to be connected to.
ADDRESSES_MAX = 4
OK = range(200, 300)
GONE = 410


@dataclass(frozen=True)
class Tried:
    """Result of one try. error None: taken. retry_after_s: what the receiver asked for."""

    status: int | None = None
    error: str | None = None
    retry_after_s: float | None = None


class Poster:
    """Posts messages, within one event loop, and says how it went; it raises nothing but what nobody foresaw."""

    def __init__(self, allowed: Allowed, timeout_s: float) -> None:
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._names = Resolver()
        self._client = httpx.AsyncClient(
            verify=trusted(),
            # no proxy and no netrc of the environment: what is connected to is what was checked
            trust_env=False,
            follow_redirects=False,
            # a connection is not used again: its certificate was checked for one name, and its address may have many
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def __aenter__(self) -> "Poster":
        """Begin."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Tried:
        """Post a body, within the time that a receiver has."""
        try:
            async with asyncio.timeout(self._timeout_s):
                target = check_url(url, self._allowed)
                addresses = await self._names.resolve(target, self._allowed)
                return await self._to_one_of(addresses[:ADDRESSES_MAX], target, headers, body)
        except TimeoutError:
            return Tried(error=f"no answer within {self._timeout_s:g} s")
        except StocktideError as error:
            return Tried(error=error.message)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Tried(error=_what(error))

    async def _to_one_of(
        self, addresses: list[str], target: Target, headers: dict[str, str], body: bytes
    ) -> Tried:
        """Post to the first address that takes a connection; what was sent once is not sent to another."""
        *others, last = addresses
        connect_s = self._timeout_s / len(addresses)
        for address in others:
            try:
                return await self._to(address, target, headers, body, connect_s)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._to(last, target, headers, body, connect_s)

    async def _to(
        self, address: str, target: Target, headers: dict[str, str], body: bytes, connect_s: float
    ) -> Tried:
        request = self._client.build_request(
            "POST",
            target.url_at(address),
            content=body,
            headers={"host": target.authority, **headers},
            # the certificate is checked for the name, whatever the address
            extensions={"sni_hostname": target.host},
            timeout=httpx.Timeout(self._timeout_s, connect=connect_s),
        )
        answer = await self._client.send(request, stream=True)
        await answer.aclose()
        return _tried(answer)


def trusted() -> ssl.SSLContext:
    """Whose certificates are believed: the public authorities, and those of the system or of SSL_CERT_FILE."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def _what(error: Exception) -> str:
    """Say what went wrong; of a certificate, what is wrong with it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: {error}"


def _tried(answer: httpx.Response) -> Tried:
    if answer.status_code in OK:
        return Tried(answer.status_code)
    more = "; redirects are not followed" if answer.is_redirect else ""
    return Tried(
        answer.status_code,
        f"it answered {answer.status_code}{more}",
        retry_after_s(answer.headers.get("retry-after"), datetime.now(UTC)),
    )


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds, or an HTTP date; None where it is neither."""
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        at = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
