"""What stands in front of the routes: names of hosts, the key, the size of a request.

A server on this machine's loopback can still be reached by web pages that are open in a browser
here. They can't send JSON without asking first, which is refused, and a page whose own name was
made to lead here (DNS rebinding) is known by the host that it asks for. Other users of the machine
are kept out by a key only. Taught in :doc:`/book/open-models/serving`.
"""

from typing import Any

from starlette.responses import JSONResponse

from companion._http import Receive, Scope, Send, has_key, headers_of, limited
from companion.serving.refusal import Refusal

MAX_BYTES = 2 * 1024 * 1024
"""Size of the largest request: 2 MiB."""
OPEN_PATHS = ("/", "/health")
"""What is answered without a key."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Gate:
    """Let requests pass that bring the key, are small, and ask for this server.

    Args:
        app: The ASGI application behind it.
        key: What every request must bring as ``Authorization: Bearer KEY``; None asks for none.
        only_loopback: Whether requests must ask for a host name of the loopback.
        max_bytes: Size of the largest request.
    """

    def __init__(
        self,
        app: Any,
        *,
        key: str | None = None,
        only_loopback: bool = True,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.app, self.key = app, key
        self.only_loopback, self.max_bytes = only_loopback, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request and pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a WebSocket: closed without an answer
        try:
            self._check(scope)
        except Refusal as refusal:
            await refused(refusal, close=True)(scope, receive, send)
            return
        await self.app(scope, limited(receive, self.max_bytes, self._too_large), send)

    def _check(self, scope: Scope) -> None:
        headers = headers_of(scope)
        host = ",".join(headers.get("host", [])).strip().lower()
        if self.only_loopback and host.rpartition(":")[0] not in LOOPBACK and host not in LOOPBACK:
            said = f"this server listens to this machine only, not to the host {host!r:.80}"
            raise Refusal(421, said, code="wrong_host")
        if scope["path"] not in OPEN_PATHS and not has_key(scope, self.key):
            said = "the API key is missing or wrong: send the header Authorization: Bearer KEY"
            raise Refusal(401, said, code="invalid_api_key")
        if scope["method"] != "POST":
            return
        kind = ",".join(headers.get("content-type", [])).partition(";")[0].strip().lower()
        if kind != "application/json":
            said = f"Content-Type must be application/json, got {kind!r:.80}"
            raise Refusal(415, said, code="wrong_content_type")
        packed = ",".join(headers.get("content-encoding", [])).strip().lower()
        if packed not in ("", "identity"):
            said = f"the body must not be compressed, got Content-Encoding {packed!r:.80}"
            raise Refusal(415, said, code="wrong_content_encoding")
        length = headers.get("content-length", [""])[0].strip()
        if length.isdecimal() and int(length[:20]) > self.max_bytes:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        said = f"the body of a request may have at most {self.max_bytes:,} bytes"
        return Refusal(413, said, code="too_large")


def refused(refusal: Refusal, *, close: bool = False) -> JSONResponse:
    """Return the response to a request that is not answered.

    Args:
        refusal: Why.
        close: Whether the connection ends: the rest of the request was not read.
    """
    headers = refusal.headers() | ({"connection": "close"} if close else {})
    return JSONResponse(refusal.body(), status_code=refusal.status, headers=headers)
