"""Addresses of servers hold passwords: they are checked at start, and neither they nor their parts are ever shown.

An address that libraries would cut elsewhere than its writer meant is refused, since what they say of it then holds
pieces of its password: "could not resolve host 'word@db'".
"""

import re

from stocktide.foundation.errors import Invalid

SCHEMES = {
    "database_url": ("postgresql", "postgres", "postgresql+psycopg"),
    "read_database_url": ("postgresql", "postgres", "postgresql+psycopg"),
    "redis_url": ("redis", "rediss", "unix"),
    "mqtt_url": ("mqtt", "mqtts"),
    "smtp_url": ("smtp", "smtps"),
}
_WHAT = {
    "database_url": "database",
    "read_database_url": "database",
    "redis_url": "cache",
    "mqtt_url": "broker",
    "smtp_url": "mail server",
}
NOT_SHOWN = "Its text is not shown, since it may hold a password."
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[\w.-]*)(:\d{1,5})?"
# user and password before the only @, hosts with ports, then a path or a query without another @
_SERVER = re.compile(rf"([^\s/?#@\[\]]*@)?{_HOST}(,{_HOST})*([/?][^\s@#]*)?")
# nothing but a path, where the server is a socket: it has no user
_SOCKET = re.compile(r"/[^\s?#]*(\?[^\s@#]*)?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,19}")
_ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PASSWORD = re.compile(r"(://)[^\s/@\"']*:[^\s\"']*@|(\bpassword=)[^\s&\"']+", re.IGNORECASE)


def check_address(name: str, address: str) -> str:
    """Return the address of the setting `name` if libraries read it as it is meant. Raises Invalid without its text."""
    schemes = SCHEMES[name]
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in schemes:
        other = f", not {scheme!r}" if separator and _SCHEME.fullmatch(scheme) else ""
        raise Invalid(
            name, f"A {_WHAT[name]} address starts with {schemes[0]}://{other}. {NOT_SHOWN}"
        )
    is_read = _SERVER.fullmatch(rest) or (scheme == "unix" and _SOCKET.fullmatch(rest))
    if not is_read or _ESCAPES.search(rest):
        raise Invalid(
            name,
            f"It is not an address such as {schemes[0]}://user:password@host:port/name: write / ? # @ [ ] % and "
            f"spaces in user and password as %2F %3F %23 %40 %5B %5D %25 %20. {NOT_SHOWN}",
        )
    return address


def without_passwords(text: str) -> str:
    """Return a text with *** for the user and password of each address in it."""
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}***{'@' if found[1] else ''}", text)
