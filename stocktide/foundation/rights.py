"""Rights: who may use a route. Each route declares its own; `key_with_right` enforces all of them.

A route that declares nothing is refused to everybody, and a key with a limit is refused wherever the route does not
say that it applies this limit itself: by `place_for` and `require_place` for locations, by `require_source` for
sources, by `permitted` for events.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from stocktide.foundation.errors import Forbidden, Unauthorized
from stocktide.foundation.key_ring import KeyRing
from stocktide.foundation.keys import KEY_SOURCE, LIMITS, Key, Limit, Scope
from stocktide.foundation.sessions import SESSION, Sessions
from stocktide.foundation.users import User

# Which scope may do what another may: an operator's key reads and writes, a feed's key does not read. What people are
# behind pseudonyms no other scope may see, and who may see it may nothing else.
IMPLIED = {
    "ingest": {"ingest"},
    "read": {"read"},
    "operate": {"operate", "read", "ingest"},
    "personal": {"personal"},
}


@dataclass(frozen=True)
class Right:
    """What a route asks of a key. scope: None lets anybody in. within: the limits of a key that the route applies."""

    scope: Scope | None
    within: frozenset[Limit] = frozenset()


class Allow:
    """The dependency that declares a route's right, and lets only keys that have it through; it gives the key."""

    def __init__(self, scope: Scope, *within: Limit) -> None:
        self.right = Right(scope, frozenset(within))

    async def __call__(self, request: Request) -> Key:
        """Return the key of a request. Raises as `key_with_right`."""
        text = bearer(request.headers.get("authorization", ""))
        return await key_with_right(key_ring_of(request), text, self.right)


class AllowPersonal:
    """The dependency of routes that say who customers are; it gives who asks, as histories name them.

    A key needs the scope. A person who is signed in needs the right, which is read at this moment: one that was taken
    away, a session that was ended and a user who was disabled count at once. A key beside a session is not asked for.
    """

    right = Right("personal")

    async def __call__(self, request: Request) -> "Asker":
        """Return who asks. Raises as `key_with_right`, and Forbidden for a person without the right."""
        user = await signed_in(request)
        if user is None:
            text = bearer(request.headers.get("authorization", ""))
            return Asker(await key_with_right(key_ring_of(request), text, self.right))
        if not user.personal:
            raise Forbidden(
                "user_right",
                f"{user.username} may not see who customers are. Whoever may use the command line can give this right: "
                f"`stocktide users personal {user.username} --reason …`.",
            )
        return Asker(user)


async def signed_in(request: Request) -> User | None:
    """Return in whose name a page asks, None for a key alone. Raises Unauthorized for what is not an open session."""
    token = request.headers.get(SESSION)
    if token is None:
        return None
    sessions: Sessions = request.app.state.sessions
    return await run_in_threadpool(sessions.user_now, token)


@dataclass(frozen=True)
class Asker:
    """A key, or a person who is signed in."""

    who: Key | User


class Public:
    """The dependency of a route that answers anybody."""

    right = Right(None)

    def __call__(self) -> None:
        """Let anybody in."""


ANYBODY = Depends(Public())
IngestKey = Annotated[Key, Depends(Allow("ingest"))]
ReadKey = Annotated[Key, Depends(Allow("read"))]
OperateKey = Annotated[Key, Depends(Allow("operate"))]
PersonalKey = Annotated[Key, Depends(Allow("personal"))]
PersonalAsker = Annotated[Asker, Depends(AllowPersonal())]
# Routes that answer, or change, what is at the locations of the key alone.
ReadKeyAt = Annotated[Key, Depends(Allow("read", "locations"))]
# Routes that answer what concerns the sources of the key alone.
ReadKeyOf = Annotated[Key, Depends(Allow("read", "sources"))]
OperateKeyAt = Annotated[Key, Depends(Allow("operate", "locations"))]
# Routes with nothing in them that is anybody's in particular.
AnyIngestKey = Annotated[Key, Depends(Allow("ingest", *LIMITS))]
AnyReadKey = Annotated[Key, Depends(Allow("read", *LIMITS))]


def right_of(route: BaseRoute | RouteContext | None) -> Right | None:
    """Return the right that a route declares; None if it declares none."""
    dependant = getattr(route, "dependant", None)
    declaring = [getattr(route, "endpoint", None), *(dependant.dependencies if dependant else ())]
    rights = (getattr(getattr(one, "call", one), "right", None) for one in declaring)
    return next((right for right in rights if isinstance(right, Right)), None)


def declared_rights(app: FastAPI) -> dict[tuple[str, str], Right | None]:
    """Return what each method and path of a service declares."""
    return {
        (method, route.path or ""): right_of(route)
        for route in iter_route_contexts(app.routes)
        for method in sorted((route.methods or {"*"}) - {"HEAD"})
    }


async def refuse_undeclared(request: Request) -> None:
    """Refuse a route that declares no right: the dependency of the whole service. Raises Forbidden."""
    if right_of(request.scope.get("route")) is None:
        raise Forbidden(
            "right_undeclared",
            f"{request.method} {request.url.path} does not declare who may use it, so nobody may. "
            "This is a mistake of the service: report it.",
        )


def key_ring_of(request: Request) -> KeyRing:
    """Return the process's keys, put there by the entry point."""
    ring: KeyRing = request.app.state.key_ring
    return ring


def bearer(header: str) -> str:
    """Return the key of an Authorization header. Raises Unauthorized."""
    kind, _, text = header.partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise Unauthorized("key_missing", "Send your key: `Authorization: Bearer stk_…`.")
    return text.strip()


async def key_with_right(ring: KeyRing, text: str, right: Right) -> Key:
    """Find a key, and require a route's right of it. Raises Unauthorized, Forbidden, Transient."""
    key = ring.find(text) or await ring.fetch(text)
    if right.scope not in IMPLIED[key.scope]:
        raise Forbidden(
            "key_scope",
            f"The key {key.name!r} has scope {key.scope}; this needs scope {right.scope}.",
            needs=right.scope,
        )
    beyond = [limit for limit in key.limited_by() if limit not in right.within]
    if beyond:
        raise Forbidden(
            "key_limits",
            f"The key {key.name!r} is limited to some {' and '.join(beyond)}, and this concerns all of them. "
            "Use a key without this limit.",
            limits=beyond,
        )
    return key


def place_for(key: Key, location: str | None) -> str | None:
    """Return the location that a request is about, None for all: a key of one location means this one.

    Raises Forbidden for another location than the key's, or none where the key has several.
    """
    if key.locations is None:
        return location
    if location is None and len(key.locations) == 1:
        return next(iter(key.locations))
    require_place(key, location)
    return location


def require_place(key: Key, location: str | None) -> None:
    """Raise Forbidden unless the key is for a location; None: something of no location, or of all."""
    if key.locations is not None and location not in key.locations:
        what = "all locations, or none" if location is None else repr(location)
        raise Forbidden(
            "key_location",
            f"The key {key.name!r} is for {', '.join(sorted(key.locations))}, and this concerns {what}. "
            "Name a location of the key, or use another key.",
        )


def require_source(key: Key, source: str) -> None:
    """Raise Forbidden for a key that is bound to other sources."""
    why = key.refuses_source(source)
    if why is not None:
        raise Forbidden(KEY_SOURCE, f"{why} Ask for a source of the key, or use another key.")
