"""A real mail server on a free port: what it took, and what it was told before."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Literal


@dataclass
class MailServer:
    """Takes mail; `refuses`: how many of the next it does not take; `password`: the only one it lets in, if any.

    secret: how many mails came over an encrypted line.
    """

    port: int = 0
    refuses: int = 0
    password: str | None = None
    secret: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def mail_server(
    host: str = "127.0.0.1",
    *,
    tls: Literal["starttls", "implicit"] | None = None,
    certificate: Path | None = None,
) -> Iterator[MailServer]:
    """Run a mail server; without `tls` it has no encryption. certificate: its .pem, with the .key beside it."""
    taken = MailServer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate is not None:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def encrypt(self) -> None:
            self.request = context.wrap_socket(
                self.request, server_side=True, do_handshake_on_connect=False
            )
            self.request.do_handshake()
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

        def handle(self) -> None:
            # whoever does not trust the certificate hangs up
            with suppress(ssl.SSLError, ConnectionError):
                self.talk()
            if isinstance(self.request, ssl.SSLSocket):
                self.rfile.close()
                self.request.close()

        def talk(self) -> None:
            if tls == "implicit":
                self.encrypt()
            self.say("220 test")
            while line := self.rfile.readline().decode().strip():
                verb = line.upper()
                if verb.startswith("EHLO"):
                    more = "250-STARTTLS\r\n" if tls == "starttls" else ""
                    self.say(f"250-test\r\n{more}250 AUTH PLAIN")
                elif verb.startswith("STARTTLS"):
                    self.say("220 go on")
                    self.encrypt()
                elif verb.startswith("AUTH PLAIN"):
                    taken.logins.append(base64.b64decode(line.split()[2]).decode())
                    ends = f"\0{taken.password}"
                    is_in = taken.password is None or taken.logins[-1].endswith(ends)
                    self.say("235 in" if is_in else "535 5ecret is wrong")
                elif verb.startswith("MAIL") and taken.refuses:
                    taken.refuses -= 1
                    self.say("451 later, 5ecret")
                elif verb.startswith("DATA"):
                    self.say("354 go on")
                    body = b"".join(iter(self.rfile.readline, b".\r\n"))
                    taken.mails.append(message_from_bytes(body, policy=policy.default))
                    taken.secret += isinstance(self.request, ssl.SSLSocket)
                    self.say("250 taken")
                elif verb.startswith("QUIT"):
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    with socketserver.ThreadingTCPServer((host, 0), Handler) as server:
        taken.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield taken
        finally:
            server.shutdown()
            thread.join()
