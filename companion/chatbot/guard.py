"""A guard in front of the web page: only its own requests pass, with its key, and only small ones.

Taught in :doc:`/book/applications/privacy`.
"""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException

from companion._http import Message, Receive, Scope, Send, has_key, headers_of, limited

MAX_BYTES = 256 * 1024
"""Size of the largest request: 256 KiB, where nothing else is said."""

HEADERS = {
    # The page loads nothing from elsewhere, runs no script but its own, and is in no frame.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "font-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Refuse what does not come from the page itself, and add the security headers.

    Args:
        app: The ASGI application behind it.
        port: Port that it is served from.
        key: What every POST must bring as ``Authorization: Bearer KEY``; None asks for no key.
        max_bytes: Size of the largest request.
        limits: Paths with another limit.
    """

    def __init__(
        self,
        app: Any,
        port: int,
        *,
        key: str | None = None,
        max_bytes: int = MAX_BYTES,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        self.app, self.key = app, key
        self.max_bytes, self.limits = max_bytes, limits or {}
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
        most = self._most(scope)
        read = limited(receive, most, lambda: HTTPException(413, _too_large(most)))
        await self.app(scope, read, send_guarded)

    def _most(self, scope: Scope) -> int:
        return self.limits.get(scope["path"], self.max_bytes)

    def _check(self, scope: Scope) -> tuple[int, str]:
        """Return a status and what is wrong with the request; an empty text if nothing is."""
        headers = headers_of(scope)

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
            if not has_key(scope, self.key):
                return 401, KEY_WANTED
            length, limit = only("content-length"), self._most(scope)
            if length and (not length.isdecimal() or int(length[:20]) > limit):
                return 413, _too_large(limit)
        return 200, ""


KEY_WANTED = (
    "this address lacks the key of the chat: open the whole address that companion chat has printed"
)


def _too_large(limit: int) -> str:
    return f"a message may have at most {limit} bytes"


async def _refuse(send: Send, status: int, message: str) -> None:
    body = message.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
