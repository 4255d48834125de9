"""``companion chat --web``: a chat page for the browser on this machine.

The server listens on 127.0.0.1 only. That alone does not keep other web pages out: a page that is
open in the same browser can send requests here, or have its own name resolve to 127.0.0.1 (DNS
rebinding). So every request must name this server as its host, and every POST must come from its
own page and be JSON, which a form can't send. Other users of the same machine can open the page,
but not read the conversations of others: their names can't be guessed.

Answers are streamed as server-sent events. Taught in :doc:`/book/applications/chatbot`.
"""

import json
import socket
import sys
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion._extras import missing_extra

try:
    import uvicorn
    from anyio import CancelScope
    from anyio.to_thread import run_sync
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
    from starlette.routing import Route
except ModuleNotFoundError as error:
    raise missing_extra(str(error.name).partition(".")[0], "chat") from error

from companion.chatbot import storage
from companion.chatbot.guard import Guard
from companion.chatbot.sessions import Session, Sessions
from companion.errors import CompanionError

if TYPE_CHECKING:
    from companion.chatbot.bot import Chatbot
    from companion.chatbot.reply import Reply

STATIC = Path(__file__).parent / "static"
HOST = "127.0.0.1"
_FILES = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
_BUSY = "an answer is still being written; stop it first"
_UNKNOWN = "this conversation is no longer here; reload the page to begin a new one"


class EventResponse(StreamingResponse):
    """A stream of events that is closed at once when the browser has gone."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the events."""
        async with aclosing(self.body_iterator):
            await super().__call__(scope, receive, send)


class Routes:
    """What the page can ask for, all of it by POST with JSON.

    Args:
        sessions: The conversations.
        title: What the page calls the model.
    """

    def __init__(self, sessions: Sessions, title: str) -> None:
        self.sessions, self.title = sessions, title

    async def enter(self, request: Request) -> Response:
        """Return the conversation of a tab, or begin one."""
        name = (await _body(request)).get("session")
        session = self.sessions.find(name)
        if session is None:
            begun = self.sessions.new()
            if begun is None:
                return _problem(503, "too many answers are being written; try again later")
            name, session = begun
        tools = [tool.name for tool in session.bot.tools or ()]
        turns = [_shown(turn) for turn in session.bot.conversation.turns]
        return JSONResponse({"session": name, "title": self.title, "tools": tools, "turns": turns})

    async def chat(self, request: Request) -> Response:
        """Stream the answer to a message."""
        said = await _body(request)
        session, text = self.sessions.find(said.get("session")), said.get("text")
        if session is None:
            return _problem(404, _UNKNOWN)
        if not isinstance(text, str) or not text.strip():
            return _problem(400, "write a message first")
        if session.busy.locked():
            return _problem(409, _BUSY)
        return EventResponse(_events(session, text), media_type="text/event-stream")

    async def stop(self, request: Request) -> Response:
        """Stop the answer that is being written. Its stream then ends."""
        session = self.sessions.find((await _body(request)).get("session"))
        if session is None:
            return _problem(404, _UNKNOWN)
        session.stop.set()
        return JSONResponse({})

    async def reset(self, request: Request) -> Response:
        """Begin the conversation anew."""
        session = self.sessions.find((await _body(request)).get("session"))
        if session is None:
            return _problem(404, _UNKNOWN)
        if session.busy.locked():
            return _problem(409, _BUSY)
        session.bot.reset()
        return JSONResponse({})

    async def download(self, request: Request) -> Response:
        """Return the conversation as a file that ``/load`` reads."""
        session = self.sessions.find((await _body(request)).get("session"))
        if session is None:
            return _problem(404, _UNKNOWN)
        text = storage.to_json(session.bot.conversation)
        return Response(text, media_type="application/json")


def build_app(
    make_bot: "Callable[[], Chatbot]", *, port: int, title: str = "chat", limit: int = 32
) -> Guard:
    """Build the web application.

    Args:
        make_bot: Makes a chatbot with an empty conversation, one per browser tab.
        port: The port that it will be served from, which requests must name.
        title: What the page calls the model.
        limit: Conversations kept at most.

    Returns:
        An ASGI application.
    """
    asked = Routes(Sessions(make_bot, limit), title)
    posts = (asked.enter, asked.chat, asked.stop, asked.reset, asked.download)
    routes = [Route(f"/{run.__name__}", run, methods=["POST"]) for run in posts]
    routes += [Route(path, _file(name), methods=["GET"]) for path, name in _FILES.items()]
    return Guard(Starlette(routes=routes), port)


def serve(make_bot: "Callable[[], Chatbot]", *, port: int, title: str = "chat") -> int:
    """Serve the page on 127.0.0.1 until Ctrl-C.

    Args:
        make_bot: Makes a chatbot with an empty conversation.
        port: Port to listen on; 0 takes a free one.
        title: What the page calls the model.

    Returns:
        Exit status.

    Raises:
        CompanionError: If the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)  # now, so that the address below can be opened at once
    except (OSError, OverflowError) as error:
        listener.close()
        raise CompanionError(
            f"can't listen on port {port} ({error}). Choose another one with --port."
        ) from error
    port = listener.getsockname()[1]
    app = build_app(make_bot, port=port, title=title)
    sys.stdout.write(f"Open http://{HOST}:{port}/ in your browser. Ctrl-C ends.\n")
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


async def _events(session: Session, text: str) -> AsyncIterator[str]:
    """Yield the events of an answer. Closing it stops the answer."""
    answer: Generator[str, None, Reply] | None = None
    if not session.busy.acquire(blocking=False):
        yield _event("error", message=_BUSY)
        return
    session.stop.clear()

    def start() -> None:
        nonlocal answer
        answer = session.bot.stream(text)

    def finish() -> None:
        if answer is not None:
            answer.close()
        session.busy.release()

    try:
        await run_sync(start)
        while (piece := await run_sync(next, answer, None)) is not None:
            yield _event("piece", text=piece)
            if session.stop.is_set():
                break
        await run_sync(answer.close)
        yield _event("done", **_described(session.bot.reply))
    except (CompanionError, ValueError) as error:
        yield _event("error", message=str(error))
    finally:
        with CancelScope(shield=True):  # also when the browser has gone
            await run_sync(finish)


def _event(kind: str, **values: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps(values)}\n\n"


def _described(reply: "Reply") -> dict[str, Any]:
    return {
        "text": reply.text,
        "interrupted": reply.interrupted,
        "note": reply.note,
        "sources": [{"origin": one.origin, "text": one.text} for one in reply.sources],
        "calls": [f"{one.call.name}: {one.content()}" for one in reply.calls],
    }


def _shown(turn: Any) -> dict[str, Any]:
    """Return a turn as the page shows it: the user's words and the answer."""
    return {
        "asked": turn.messages[0]["content"],
        "text": turn.messages[-1]["content"] if turn.answered else "",
        "interrupted": turn.interrupted,
        "note": turn.note,
        "sources": [{"origin": one.origin, "text": one.text} for one in turn.sources],
        "calls": [m["content"] for m in turn.messages if m["role"] == "tool"],
    }


def _file(name: str) -> Callable[[Request], Any]:
    async def send(request: Request) -> Response:
        return FileResponse(STATIC / name)

    return send


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request; an empty one if it is something else."""
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)
