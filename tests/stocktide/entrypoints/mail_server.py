"""A real mail server on a free port: what it took, and what it was told before."""

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """Takes mail; `refuses`: how many of the next it does not take."""

    port: int = 0
    refuses: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def mail_server(host: str = "127.0.0.1") -> Iterator[MailServer]:
    """Run a mail server without encryption that lets everybody in."""
    taken = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 test")
            while line := self.rfile.readline().decode().strip():
                verb = line.upper()
                if verb.startswith("EHLO"):
                    self.say("250-test\r\n250 AUTH PLAIN")
                elif verb.startswith("AUTH PLAIN"):
                    taken.logins.append(base64.b64decode(line.split()[2]).decode())
                    self.say("235 in")
                elif verb.startswith("MAIL") and taken.refuses:
                    taken.refuses -= 1
                    self.say("451 later, 5ecret")
                elif verb.startswith("DATA"):
                    self.say("354 go on")
                    body = b"".join(iter(self.rfile.readline, b".\r\n"))
                    taken.mails.append(message_from_bytes(body, policy=policy.default))
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
