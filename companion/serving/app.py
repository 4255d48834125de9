"""The routes of the server: models, chat, completions, health.

Taught in :doc:`/book/open-models/serving`. Left out: ``/v1/responses``, ``/v1/embeddings`` and all
that keeps something between requests.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from companion._extras import missing_extra

try:
    from anyio.to_thread import run_sync
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route
except ModuleNotFoundError as error:
    raise missing_extra(str(error.name).partition(".")[0], "chat") from error

from companion.errors import CompanionError, MissingExtraError
from companion.serving.chat_answer import ChatAnswer
from companion.serving.chat_request import ChatRequest, read_chat
from companion.serving.engine import Engine, Job
from companion.serving.fields import Fields, read_object
from companion.serving.gate import Gate, refused
from companion.serving.order import Served
from companion.serving.refusal import SLOW, Refusal
from companion.serving.text_answer import TextAnswer
from companion.serving.text_request import TextRequest, read_text

ROUTES = "GET /v1/models, POST /v1/chat/completions, POST /v1/completions, GET /health"
GREETING = f"This is a server of companion, for clients of the OpenAI protocol: {ROUTES}.\n"

SOON = 0.5
"""Seconds that the end of the application waits for the thread that writes."""

Asked = ChatRequest | TextRequest
Answering = ChatAnswer | TextAnswer


class EventStream(StreamingResponse):
    """A stream of events that is closed at once when its client has gone.

    Args:
        events: The events.
        leave: Called when it has ended, or its client has gone.
    """

    def __init__(self, events: AsyncIterator[str], leave: Callable[[], None]) -> None:
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._leave = leave

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the events."""
        try:
            async with aclosing(self.body_iterator):
                await super().__call__(scope, receive, send)
        finally:
            self._leave()


def build_app(
    engine: Engine,
    *,
    key: str | None = None,
    only_loopback: bool = True,
    origins: Sequence[str] = (),
    seconds: float = 300.0,
) -> Any:
    """Build the web application.

    Args:
        engine: What writes; it is stopped with the application.
        key: What every request must bring; None lets everybody in.
        only_loopback: Whether requests must ask for a host name of the loopback.
        origins: Origins of web pages that may ask, such as ``"https://class.example"``.
        seconds: How long a request may take, from when it is read.

    Returns:
        An ASGI application.
    """
    routes = ServerRoutes(engine, seconds)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        await run_sync(engine.stop, SOON)

    app = Starlette(
        routes=[
            Route("/", routes.greeting, methods=["GET"]),
            Route("/health", routes.health, methods=["GET"]),
            Route("/v1/models", routes.models, methods=["GET"]),
            Route("/v1/models/{name:path}", routes.model, methods=["GET"]),
            Route("/v1/chat/completions", routes.chat, methods=["POST"]),
            Route("/v1/completions", routes.text, methods=["POST"]),
        ],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _elsewhere,
            ClientDisconnect: _nobody,
            Exception: _fault,
        },
        lifespan=life,
    )
    gate = Gate(app, key=key, only_loopback=only_loopback)
    if not origins:
        return gate
    methods, headers = ["GET", "POST"], ["authorization", "content-type"]
    return CORSMiddleware(
        gate, allow_origins=list(origins), allow_methods=methods, allow_headers=headers
    )


class ServerRoutes:
    """What each route answers.

    Args:
        engine: What writes.
        seconds: How long a request may take.
    """

    def __init__(self, engine: Engine, seconds: float) -> None:
        self.engine, self.seconds = engine, seconds

    async def greeting(self, request: Request) -> Response:
        """Say what this is."""
        return PlainTextResponse(GREETING)

    async def health(self, request: Request) -> Response:
        """Say whether the server answers, and how busy it is."""
        try:
            served = self.engine.ready()
        except Refusal as refusal:
            headers = refusal.headers()
            return JSONResponse({"status": self.engine.state}, status_code=503, headers=headers)
        return JSONResponse({"status": "ok", "model": served.name, **self.engine.numbers()})

    async def models(self, request: Request) -> Response:
        """List the only model."""
        return JSONResponse({"object": "list", "data": [self.engine.ready().card()]})

    async def model(self, request: Request) -> Response:
        """Describe a model."""
        served, name = self.engine.ready(), request.path_params["name"]
        if not name:  # the list, with a slash at its end
            return await self.models(request)
        served.check_name(name, param=None)
        return JSONResponse(served.card())

    async def chat(self, request: Request) -> Response:
        """Write the next turn of a conversation."""
        return await self._answer(request, read_chat, ChatAnswer)

    async def text(self, request: Request) -> Response:
        """Continue a text."""
        return await self._answer(
            request, read_text, lambda asked, served: TextAnswer(asked.order, served)
        )

    async def _answer(
        self,
        request: Request,
        read: Callable[[Fields, Served], Asked],
        make: Callable[[Any, Served], Answering],
    ) -> Response:
        served, body = self.engine.ready(), await request.body()
        self.engine.check_room()  # before the work of reading the request
        end = asyncio.get_running_loop().time() + self.seconds
        asked = await run_sync(_read, read, body, served)
        answer, job = make(asked, served), Job(asked.order)
        self.engine.submit(job)
        if asked.stream:
            events = self._events(job, answer, end, usage=asked.usage)
            return EventStream(events, lambda: self.engine.leave(job))
        writing = asyncio.create_task(self._whole(job, answer, end))
        gone = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait([writing, gone], return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                raise ClientDisconnect
            return JSONResponse(writing.result())
        finally:
            self.engine.leave(job)
            for task in (writing, gone):
                task.cancel()

    async def _parts(self, job: Job, end: float) -> AsyncIterator[Any]:
        """Yield the parts of an answer as long as there is time for them."""
        now = asyncio.get_running_loop().time
        while True:
            try:
                part = await asyncio.wait_for(job.next(), end - now())
            except TimeoutError:
                said = f"the answer took longer than {self.seconds:g} s: ask for less, or later"
                raise Refusal(SLOW, said, code="timeout") from None
            if part is None:
                return
            yield part

    async def _whole(self, job: Job, answer: Answering, end: float) -> dict[str, Any]:
        async with aclosing(self._parts(job, end)) as parts:
            async for part in parts:
                for _ in answer.deltas(part):
                    pass
        return answer.whole()

    async def _events(
        self, job: Job, answer: Answering, end: float, *, usage: bool
    ) -> AsyncIterator[str]:
        try:
            for chunk in answer.first():
                yield _event(chunk)
            async with aclosing(self._parts(job, end)) as parts:
                async for part in parts:
                    for chunk in answer.chunks(part):
                        yield _event(chunk)
            if usage:
                yield _event(answer.last())
        except Refusal as refusal:  # the status was sent: the error is an event
            yield _event(refusal.body())
        yield "data: [DONE]\n\n"


def _read(read: Callable[[Fields, Served], Asked], body: bytes, served: Served) -> Asked:
    """Read a request; whatever is wrong with it becomes a refusal."""
    try:
        return read(Fields(read_object(body)), served)
    except MissingExtraError as error:
        raise Refusal(501, str(error)) from error
    except (CompanionError, ValueError) as error:
        raise Refusal(400, str(error)) from error
    except RecursionError:
        raise Refusal(400, "the body is nested too deeply") from None


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, separators=(',', ':'))}\n\n"


async def _gone(request: Request) -> None:
    """Wait until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(request: Request, refusal: Refusal) -> Response:
    return refused(refusal)


async def _elsewhere(request: Request, error: HTTPException) -> Response:
    said = f"there is no {request.method} {request.url.path:.80} here; there are {ROUTES}"
    return refused(Refusal(error.status_code, said, code="unknown_url"))


async def _nobody(request: Request, error: Exception) -> Response:
    """Answer a client that has gone."""
    return Response(status_code=499)


async def _fault(request: Request, error: Exception) -> Response:
    return refused(Refusal(500, f"the server has a fault ({type(error).__name__})"))
