"""The socket that API processes share."""

import socket

BACKLOG = 1_024


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that API processes accept from; their supervisor keeps it open while they restart."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    listening.set_inheritable(True)
    return listening
