"""Signatures by the Standard Webhooks convention: HMAC-SHA256 over id, timestamp and body."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from stocktide.foundation.errors import Invalid

SECRET_PREFIX = "whsec_"  # noqa: S105 - says what follows, not a secret
# The convention's bounds, bytes.
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64


def new_secret() -> bytes:
    """Make a secret of 32 random bytes."""
    return secrets.token_bytes(32)


def secret_text(secret: bytes) -> str:
    """Return a secret as receivers are given it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def secret_of(text: str) -> bytes:
    """Read a receiver's own secret, whsec_ and base64. Raises Invalid, which never repeats it."""
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
        raise Invalid(
            "webhook_secret",
            f"A secret is {SECRET_PREFIX} and the base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes.",
        )
    return secret


def signed_headers(
    keys: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Return the headers of one message: a signature for each secret that holds, so that a receiver can change over."""
    content = b".".join([message_id.encode(), str(timestamp_s).encode(), body])
    signatures = [
        "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        for key in keys
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }
