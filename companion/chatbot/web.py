"""``companion chat --web``: a chat page for the browser on this machine.

The server listens on 127.0.0.1 only. That alone does not keep other web pages out: a page that is
open in the same browser can send requests here, or have its own name resolve to 127.0.0.1 (DNS
rebinding). So every request must name this server as its host, and every POST must come from its
own page and be JSON, which a form can't send. Other users of the same machine are kept out by a
key, which is in the printed address behind ``#`` and in no request but the page's own.

Answers are streamed as server-sent events. Taught in :doc:`/book/applications/chatbot`.
"""

import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion._extras import missing_extra

try:
    import uvicorn
    from anyio import CancelScope
    from anyio.to_thread import run_sync
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
    from starlette.routing import Route
except ModuleNotFoundError as error:
    raise missing_extra(str(error.name).partition(".")[0], "chat") from error

from companion._http import HOST, listen
from companion.chatbot.answering import Answering
from companion.chatbot.archive import Archive
from companion.chatbot.choices import Choices
from companion.chatbot.guard import Guard
from companion.chatbot.routes import LIMITS, Routes
from companion.chatbot.sessions import Sessions
from companion.errors import CompanionError

if TYPE_CHECKING:
    from companion.chatbot.bot import Chatbot

STATIC = Path(__file__).parent / "static"

POSTS = {
    "/enter": "enter",
    "/chat": "chat",
    "/resume": "resume",
    "/stop": "stop",
    "/decide": "decide",
    "/conversations": "conversations",
    "/rename": "rename",
    "/delete": "delete",
    "/export": "export",
    "/import": "import_file",
    "/settings": "settings",
    "/upload": "upload",
    "/remove": "remove",
}
"""What the page asks for, and the method of `Routes` that answers."""

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".woff2": "font/woff2",
}
"""Files that are served; what else lies beside them, such as licenses, is not."""


class EventResponse(StreamingResponse):
    """A stream of events that is closed at once when the browser has gone."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the events."""
        async with aclosing(self.body_iterator):
            await super().__call__(scope, receive, send)


def build_app(
    make_bot: "Callable[[], Chatbot]",
    *,
    port: int,
    title: str = "chat",
    limit: int = 256,
    archive: Archive | None = None,
    switch: "Callable[[Chatbot, str], None] | None" = None,
    key: str | None = None,
) -> Guard:
    """Build the web application.

    Args:
        make_bot: Makes a chatbot with an empty conversation, one per conversation.
        port: The port that it will be served from, which requests must name.
        title: What the page calls the model.
        limit: Conversations kept in memory at most.
        archive: Where conversations are kept; None for nowhere.
        switch: Lets a chatbot go on with another model; None if there is only one.
        key: What every request must bring; None lets every program of this machine in.

    Returns:
        An ASGI application.
    """
    asked = Routes(Sessions(make_bot, limit, archive), title, Choices(switch))
    posts = {path: getattr(asked, name) for path, name in POSTS.items()}
    routes = [Route(path, _answer(run), methods=["POST"]) for path, run in posts.items()]
    routes += [
        Route("/" if file.name == "page.html" else path, _send_file(file), methods=["GET"])
        for file in sorted(STATIC.rglob("*"))
        if file.suffix in TYPES and (path := f"/{file.relative_to(STATIC).as_posix()}")
    ]
    app = Starlette(routes=routes, exception_handlers={ClientDisconnect: _nobody})
    return Guard(app, port, key=key, limits=LIMITS)


def serve(
    make_bot: "Callable[[], Chatbot]",
    *,
    port: int,
    title: str = "chat",
    archive: Archive | None = None,
    switch: "Callable[[Chatbot, str], None] | None" = None,
) -> int:
    """Serve the page on 127.0.0.1 until Ctrl-C.

    Args:
        make_bot: Makes a chatbot with an empty conversation.
        port: Port to listen on; 0 takes a free one.
        title: What the page calls the model.
        archive: Where conversations are kept, and the key of the page; None for nowhere.
        switch: Lets a chatbot go on with another model; None if there is only one.

    Returns:
        Exit status.

    Raises:
        CompanionError: If the port is taken, or the folder of the archive can't be written.
    """
    listener = listen(HOST, port)
    port = listener.getsockname()[1]
    key = secrets.token_urlsafe(32) if archive is None else archive.key()
    app = build_app(make_bot, port=port, title=title, archive=archive, switch=switch, key=key)
    where = f"Conversations are kept in {archive.folder}. " if archive else ""
    sys.stdout.write(f"Open http://{HOST}:{port}/#key={key} in your browser. {where}Ctrl-C ends.\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, timeout_graceful_shutdown=2
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:  # the normal end
        pass
    finally:
        listener.close()
    return 0


def _answer(run: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
    """Return the handler of a request: JSON in; JSON, a text, or a stream of events out."""

    async def handle(request: Request) -> Response:
        asked = await _body(request)
        try:
            answer = await run_sync(run, asked)
        except (CompanionError, ValueError) as error:
            message = " ".join(str(error).split())
            more = {"field": error.field} if hasattr(error, "field") else {}
            more |= getattr(error, "more", {})
            status = getattr(error, "status", 400)
            return JSONResponse({"message": message, **more}, status_code=status)
        if callable(answer):
            return EventResponse(_events(answer), media_type="text/event-stream")
        if isinstance(answer, str):
            return Response(answer, media_type="text/plain")
        return JSONResponse(answer)

    return handle


async def _events(begin: Callable[[], Answering]) -> AsyncIterator[str]:
    """Yield the events of an answer. Closing it stops the answer."""
    try:
        answering = begin()
    except CompanionError as error:
        yield _event("error", {"message": str(error)})
        return
    ended = False
    try:
        while (event := await run_sync(answering.next_event, abandon_on_cancel=True)) is not None:
            yield _event(*event)
        ended = True
    finally:
        if not ended:
            with CancelScope(shield=True):  # the browser has gone
                await run_sync(answering.leave)


def _event(kind: str, values: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(values)}\n\n"


def _send_file(file: Path) -> Callable[[Request], Any]:
    async def send(request: Request) -> Response:
        return FileResponse(file, media_type=TYPES[file.suffix])

    return send


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request; an empty one if it is something else."""
    body = await request.body()
    try:
        value = await run_sync(json.loads, body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


async def _nobody(request: Request, error: Exception) -> Response:
    """Answer a browser that has gone before its request was whole."""
    return Response(status_code=400)
