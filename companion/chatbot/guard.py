"""A guard in front of the web page: only its own requests pass, and only small ones.

Taught in :doc:`/book/applications/safety`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

MAX_BYTES = 256 * 1024
"""Size of the largest request: 256 KiB."""

HEADERS = {
    # The page loads nothing from elsewhere, runs no script but its own, and is in no frame.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Guard:
    """Refuse what does not come from the page itself, and add the security headers.

    Args:
        app: The ASGI application behind it.
        port: Port that it is served from.
        max_bytes: Size of the largest request.
    """

    def __init__(self, app: Any, port: int, *, max_bytes: int = MAX_BYTES) -> None:
        """Work out which names this server has."""
        self.app, self.max_bytes = app, max_bytes
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        if port == 80:
            self.hosts |= {"127.0.0.1", "localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request and pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a WebSocket: closed without an answer

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        status, problem = self._check(scope)
        if problem:
            await _refuse(send_guarded, status, problem)
            return
        await self.app(scope, self._limited(receive), send_guarded)

    def _check(self, scope: Scope) -> tuple[int, str]:
        """Return a status and what is wrong with the request; an empty text if nothing is."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

        def only(name: str) -> str:
            values = headers.get(name, [])
            return values[0].strip().lower() if len(values) == 1 else ""

        if only("host") not in self.hosts:
            return 421, "this server has another name"
        if "origin" in headers and only("origin") != f"http://{only('host')}":
            return 403, "the request comes from another page"
        if only("sec-fetch-site") not in ("", "same-origin", "none"):
            return 403, "the request comes from another page"
        if scope["method"] == "POST":
            if "origin" not in headers:
                return 403, "the request does not say which page it comes from"
            if only("content-type").partition(";")[0].strip() != "application/json":
                return 415, "the request must be application/json"
            length = only("content-length")
            if length and (not length.isdecimal() or int(length[:20]) > self.max_bytes):
                return 413, f"a message may have at most {self.max_bytes} bytes"
        return 200, ""

    def _limited(self, receive: Receive) -> Receive:
        """Stop reading at the limit: the length may not have been said, or be wrong."""
        seen = 0

        async def receive_limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                raise HTTPException(413, f"a message may have at most {self.max_bytes} bytes")
            return message

        return receive_limited


async def _refuse(send: Send, status: int, message: str) -> None:
    body = message.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
