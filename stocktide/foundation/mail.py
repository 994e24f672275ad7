"""Mail by SMTP, encrypted where the server can; a password never goes over a line that anybody can read."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from stocktide.foundation.errors import Transient

TIMEOUT_S = 30.0
PORTS = {"smtp": 25, "smtps": 465}
LOCAL = ("localhost", "127.0.0.1", "::1")


def send_mail(url: str, *, sender: str, to: Sequence[str], subject: str, text: str) -> None:
    """Send a mail to each of `to` in one message. url: smtp://user:password@host:587 or smtps://….

    Raises Transient where the server does not take it; its message holds no password.
    """
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, ", ".join(to), subject
    message.set_content(text)
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"
    try:
        with _connected(url) as server:
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise Transient(
            "mail_not_sent", f"The mail server {where} did not take the mail: {_said(error)}."
        ) from None


def _said(error: Exception) -> str:
    """Return what went wrong, and nothing of the server's answer: it may repeat what it was given."""
    code = getattr(error, "smtp_code", None)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it takes no address with letters beyond ASCII; see STOCKTIDE_DIGEST_TO and STOCKTIDE_SMTP_FROM"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it lets nobody in by this user name and password ({code}); see STOCKTIDE_SMTP_URL"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}); name that of its authority in "
            "SSL_CERT_FILE if it is your own"
        )
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


def _connected(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or PORTS[parts.scheme]
    trusted = ssl.create_default_context()
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=trusted)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    try:
        server.ehlo()
        is_private = parts.scheme == "smtps" or host in LOCAL
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=trusted)
            server.ehlo()
            is_private = True
        if parts.username:
            if not is_private:
                raise Transient(
                    "mail_in_the_clear",
                    f"The mail server {host} offers no encryption, so it is given no password.",
                )
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server
