"""Addresses that webhooks may go to: a public https address, unless the settings allow more; checked at every try."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from stocktide.foundation.errors import Invalid
from stocktide.foundation.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# IPv6 addresses of translators (RFC 6052) lead to the IPv4 address in their last 32 bits.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# All of IPv6 that was ever given out to be public. `is_global` only knows what is not: other spellings of private
# addresses, among them 64:ff9b:1::/48, ::/96, ::ffff:0:0/96 and fec0::/10, pass it.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Public by their number, and private to the machine by what answers there: metadata and agents of clouds.
NEVER = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("168.63.129.16/32"))


@dataclass(frozen=True)
class Allowed:
    """Addresses that the settings let webhooks reach."""

    http: bool = False
    private: bool = False


def allowed_by(settings: Settings) -> Allowed:
    """Read what the settings allow."""
    return Allowed(http=settings.webhook_allow_http, private=settings.webhook_allow_private)


@dataclass(frozen=True)
class Target:
    """A checked URL in its parts; `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"

    def url_at(self, address: str) -> str:
        """Return the URL with an address as its host: what is connected to is what was checked."""
        host = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def check_url(url: str, allowed: Allowed) -> Target:
    """Check a webhook's URL. Raises Invalid that says what is wrong with it."""
    if len(url) > 2_000 or not url.isascii() or not url.isprintable() or " " in url:
        raise _bad("it has at most 2,000 printable ASCII characters and no spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        literal = _literal(host)
    except ValueError as error:
        raise _bad(f"it is no URL: {error}") from None
    schemes = ("https", "http") if allowed.http else ("https",)
    if parts.scheme not in schemes:
        more = "" if allowed.http else "; STOCKTIDE_WEBHOOK_ALLOW_HTTP would allow http"
        raise _bad(f"it starts with {' or '.join(schemes)}://{more}")
    if not host or port == 0:
        raise _bad("it names no host, or port 0")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _bad("it holds a user, a password or a fragment")
    if literal is not None and not _may_reach(literal, allowed):
        raise _bad(_private(host))
    usual = 443 if parts.scheme == "https" else 80
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or usual, path)


def check_addresses(target: Target, addresses: Sequence[str], allowed: Allowed) -> None:
    """Check where a target's name leads: every address that it has. Raises Invalid."""
    for address in addresses:
        if not _may_reach(ipaddress.ip_address(address.partition("%")[0]), allowed):
            raise _bad(_private(f"{target.host} ({address})"))


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _may_reach(address: Address, allowed: Allowed) -> bool:
    """Return True if an address is public, also the IPv4 address that an IPv6 address stands for."""
    if allowed.private:
        return True
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return _may_reach(inner, allowed)
        if address not in GLOBAL_UNICAST:
            return False
    public = address.is_global and not address.is_multicast
    return public and not any(address in network for network in NEVER)


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address to which an IPv6 address leads: mapped, 6to4 or translated. Teredo is not global."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _private(host: str) -> str:
    return f"{host} is no public address; STOCKTIDE_WEBHOOK_ALLOW_PRIVATE would allow it"


def _bad(why: str) -> Invalid:
    return Invalid("webhook_url", f"This URL cannot be a webhook: {why}.")
