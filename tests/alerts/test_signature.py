import base64
import hashlib
import hmac

import pytest

from alerts.signature import new_secret, secret_of, secret_text, signed_headers
from stocktide.foundation.errors import Invalid


def test_signed_headers_match_the_conventions_own_example() -> None:
    """The example of the Standard Webhooks specification: same secret, id, time and body, same signature."""
    secret = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(
        [secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_signed_headers_hold_a_signature_for_each_secret() -> None:
    first, second = new_secret(), new_secret()
    signatures = signed_headers([first, second], "1", 2, b"x")["webhook-signature"].split(" ")
    for key, signature in zip((first, second), signatures, strict=True):
        expected = base64.b64encode(hmac.new(key, b"1.2.x", hashlib.sha256).digest()).decode()
        assert signature == f"v1,{expected}"


def test_secret_is_read_as_it_was_written() -> None:
    secret = new_secret()
    assert secret_of(secret_text(secret)) == secret
    assert secret_of(secret_text(secret).removeprefix("whsec_")) == secret


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ=", "x" * 200, "\u00e4"]
)
def test_secret_that_is_none_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Invalid, match="base64 of 24 to 64 bytes") as caught:
        secret_of(text)
    assert len(text) < 10 or text not in caught.value.message
