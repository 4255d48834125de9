"""What the two web servers of the package have in common: the key, the size, the socket.

`companion.chatbot.guard` stands in front of the chat's page, `companion.serving.gate` in front of
``companion serve``. They let in different requests and refuse them in different words.
"""

import hmac
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from companion.errors import CompanionError

HOST = "127.0.0.1"
"""This machine's loopback."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def headers_of(scope: Scope) -> dict[str, list[str]]:
    """Return the headers of a request: for each name, in small letters, all its values."""
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def has_key(scope: Scope, key: str | None) -> bool:
    """Tell whether a request brings ``Authorization: Bearer KEY``, in time that tells nothing.

    Args:
        scope: The request.
        key: The key; None if none is asked for.
    """
    given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    return key is None or hmac.compare_digest(b" ".join(given), f"Bearer {key}".encode())


def limited(receive: Receive, most: int, refusal: Callable[[], Exception]) -> Receive:
    """Stop reading a request at a limit: its length may not have been said, or be wrong.

    Args:
        receive: Hands out the next part of the request.
        most: Bytes that it may have.
        refusal: Makes what is raised when it has more.
    """
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise refusal()
        return message

    return receive_limited


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port; requests that come before a server runs are kept.

    Args:
        host: Address or name of this machine.
        port: The port; 0 takes a free one.

    Raises:
        CompanionError: If the port is taken, or there is no such address.
    """
    try:
        (family, *_), *_ = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CompanionError(f"can't listen on {host!r:.80} ({error}). See --host.") from error
    try:
        if os.name == "posix":  # elsewhere it would share the port with another program
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise CompanionError(
            f"can't listen on port {port} of {host} ({reason}). Choose another one with --port; "
            "0 takes a free one."
        ) from error
    return listener
