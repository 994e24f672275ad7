"""Keys of customers: what finds one by the id that its sender uses, and what encrypts that id.

The installation has one key; what finds and what wraps are derived from it. Each customer has a random data key that
encrypts the customer's fields and is kept wrapped by the installation's. Without its row nothing of a customer can be
read, and no pseudonym can be found or computed: pseudonyms are random.
"""

import base64
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stocktide.foundation.errors import Fatal
from stocktide.foundation.settings import Settings

PREFIX = "c_"
# 80 random bits, 16 characters: among a billion customers the chance that any two meet is one in two million.
TOKEN_BYTES = 10
PSEUDONYM = re.compile("c_[a-z2-7]{16}")
NONCE_BYTES = 12
DATA_KEY_BITS = 256
MARK_BYTES = 8
KEY_FILE = "customer-key"
# Among the fields, the id that the sender uses.
ID = "id"


class Sealed(NamedTuple):
    """Encrypted fields of a customer, and the data key that encrypts them, itself encrypted."""

    wrapped_key: bytes
    fields: bytes


@dataclass(frozen=True)
class CustomerKeys:
    """Keys derived from the installation's. mark: tells two installations' keys apart, and nothing else."""

    finding: bytes
    wrapping: AESGCM
    mark: bytes

    @classmethod
    def of(cls, secret: str) -> "CustomerKeys":
        """Derive the keys from the installation's secret."""
        key = secret.encode()
        names = (b"customers: find", b"customers: wrap", b"customers: mark")
        finding, wrapping, mark = (hmac.digest(key, name, "sha256") for name in names)
        return cls(finding, AESGCM(wrapping), mark[:MARK_BYTES])

    def index_of(self, customer_id: str) -> bytes:
        """Return what a customer is found by: HMAC-SHA256 of the id that its sender uses."""
        return hmac.digest(self.finding, customer_id.encode("utf-8", "surrogatepass"), "sha256")

    def seal(self, pseudonym: str, fields: Mapping[str, str]) -> Sealed:
        """Encrypt the fields of a customer with a new data key; both are bound to the pseudonym."""
        data_key = AESGCM.generate_key(DATA_KEY_BITS)
        said = json.dumps(fields, ensure_ascii=True).encode()
        return Sealed(
            _encrypted(self.wrapping, data_key, pseudonym),
            _encrypted(AESGCM(data_key), said, pseudonym),
        )

    def opened(self, pseudonym: str, sealed: Sealed) -> dict[str, str]:
        """Decrypt the fields of a customer. Raises Fatal where they are another customer's, or of another key."""
        try:
            data_key = _decrypted(self.wrapping, sealed.wrapped_key, pseudonym)
            fields: dict[str, str] = json.loads(
                _decrypted(AESGCM(data_key), sealed.fields, pseudonym)
            )
        except InvalidTag:
            raise Fatal(
                "customer_key",
                f"The fields of {pseudonym} cannot be decrypted: they were encrypted under another key.",
            ) from None
        return fields


def new_pseudonym() -> str:
    """Return a random pseudonym: it follows from nothing, so nobody can compute it again."""
    return PREFIX + base64.b32encode(secrets.token_bytes(TOKEN_BYTES)).decode().lower()


def is_pseudonym(text: str) -> bool:
    """Return True if a text has the form of a pseudonym."""
    return PSEUDONYM.fullmatch(text) is not None


def customer_keys(settings: Settings) -> CustomerKeys:
    """Return the keys of this installation; without a setting the secret is made once, HOME/customer-key."""
    secret = settings.customer_key or _secret_of_home(settings.home / KEY_FILE)
    return CustomerKeys.of(secret)


def _secret_of_home(path: Path) -> str:
    """Read the secret of a home, made by whoever asks first."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = path.with_name(f"{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        scratch.touch(mode=0o600)
        scratch.write_text(secrets.token_urlsafe(32))
        try:
            # of several at once one wins, whole
            os.link(scratch, path)
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    return path.read_text().strip()


def _encrypted(key: AESGCM, plain: bytes, bound_to: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, plain, bound_to.encode())


def _decrypted(key: AESGCM, cipher: bytes, bound_to: str) -> bytes:
    return key.decrypt(cipher[:NONCE_BYTES], cipher[NONCE_BYTES:], bound_to.encode())
