"""From the options of ``companion serve`` to a server: load, listen, tell; and one for a block.

Taught in :doc:`/book/open-models/serving`.
"""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from companion._extras import missing_extra

try:
    import uvicorn
except ModuleNotFoundError as error:
    raise missing_extra(str(error.name), "chat") from error

from companion._http import HOST, listen
from companion.errors import CompanionError
from companion.models.roles import ROLES, resolve
from companion.serving.app import SOON, build_app
from companion.serving.engine import Engine
from companion.serving.options import ServeOptions
from companion.serving.order import Served

GRACE = 10.0
"""Seconds that answers in work get when the server is stopped."""
LAST = 0.5
"""Seconds after that in which clients may read that their answers were given up."""


class Server(uvicorn.Server):
    """A server that ends in order: nobody is cut off without a word.

    What waits is refused at once. What is in work gets ``grace`` seconds, or the time until
    a second Ctrl-C; then it is refused as well. Who still does not hang up is cut off.

    Args:
        engine: What writes.
        app: The application.
        grace: Seconds that answers in work get.
        tell: Is told, in a sentence, what becomes of the answers.
    """

    def __init__(
        self,
        engine: Engine,
        app: Any,
        *,
        grace: float = GRACE,
        tell: Callable[[str], None] = lambda said: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(app, log_level="warning", server_header=False, lifespan="on")
        )
        self.engine, self.grace, self.tell = engine, grace, tell
        self.hurried = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that the server is to stop; at the second time, that it is to do so now."""
        self.hurried = self.should_exit
        super().handle_exit(sig, frame)
        self.force_exit = False  # it would cancel what tells the clients

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: take no more, finish what is in work, give up what takes too long."""
        self.engine.close()
        giving_up = asyncio.create_task(self._give_up())
        await super().shutdown(sockets)
        giving_up.cancel()

    async def _give_up(self) -> None:
        """Wait as long as there is time; then refuse what is in work, and hang up."""
        now = asyncio.get_running_loop().time
        end, working = now() + self.grace, self.engine.numbers()["writing"]
        if working:
            finishing = f"finishing {_answers(working)}, in {self.grace:g} s at most"
            self.tell(f"stopping: {finishing} (Ctrl-C again gives them up)")
        while now() < end and not self.hurried:
            await asyncio.sleep(0.05)
        given_up = self.engine.give_up()
        if given_up:
            self.tell(f"gave up {_answers(given_up)}; the clients were told to come back later")
        await asyncio.sleep(LAST)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def start(options: ServeOptions) -> int:
    """Serve the model that the options ask for, until Ctrl-C.

    Args:
        options: See `ServeOptions`.

    Returns:
        Exit status, 0 for success. Ctrl-C ends the process with status 0.

    Raises:
        CompanionError: If the model can't be loaded, or the port is taken.
        ValueError: If the model writes no text.
        OSError: If the file with the key can't be read.
    """
    key, target = options.secret(os.environ), resolve(options.model)
    if target.head != "causal-lm":
        role = ROLES.get(options.model)
        purpose = f"{role.purpose} and " if role else ""
        raise CompanionError(f"{options.model} {purpose}writes no text: serve another model")
    name = options.name or target.title
    listener = listen(options.host, options.port)
    at = f"http://{_shown_host(options.host)}:{listener.getsockname()[1]}/v1"
    loopback = options.host in (HOST, "localhost", "::1")
    if not loopback and key is None:
        _tell(f"everybody who reaches {at} can use it: set a key (--key @FILE)")

    def load() -> Served:
        return _loaded(options, name)

    def tell(engine: Engine) -> None:
        if engine.error is None:
            sys.stdout.write(greeting(engine.served, at, has_key=key is not None))
            sys.stdout.flush()
        else:
            server.should_exit = True

    engine = Engine(load, waiting=options.queue, tell=tell)
    origins, seconds = options.allow_origin, options.timeout
    app = build_app(engine, key=key, only_loopback=loopback, origins=origins, seconds=seconds)
    server = Server(engine, app, tell=_tell)
    _tell(f"loading {name} ...")
    try:
        _run(server, listener)
    except KeyboardInterrupt:  # the normal end; taking down torch in order would take seconds
        sys.stdout.flush()
        os._exit(0)
    if engine.error is not None:
        raise engine.error
    return 0


@contextmanager
def running(
    model: Any, tokenizer: Any, *, name: str = "model", waiting: int = 32, **limits: Any
) -> Iterator[str]:
    """Serve a model on a free port of this machine, as long as a block lasts.

    Taught in :doc:`/book/open-models/serving`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        name: What clients call it.
        waiting: Requests that may wait at most.
        limits: ``batch``, ``max_tokens`` and ``max_context``, as in `Served`.

    Yields:
        The address, ``http://127.0.0.1:.../v1``.

    Example:
        >>> import companion, openai
        >>> asked = [{"role": "user", "content": "What is the capital of France?"}]
        >>> chat = companion.load("chat", source="pocket")
        >>> with running(*chat, name="pocket-chat") as address:
        ...     with openai.OpenAI(base_url=address, api_key="none") as client:
        ...         answer = client.chat.completions.create(
        ...             model="pocket-chat", messages=asked, temperature=0
        ...         )
        >>> answer.choices[0].message.content
        'The capital of France is Paris.'
    """
    served, loaded = Served(model, tokenizer, name, **limits), threading.Event()
    engine = Engine(lambda: served, waiting=waiting, tell=lambda engine: loaded.set())
    listener = listen(HOST, 0)
    server = Server(engine, build_app(engine))
    thread = threading.Thread(target=_run, args=(server, listener), daemon=True)
    thread.start()
    loaded.wait()
    try:
        yield f"http://{HOST}:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        engine.stop()


def greeting(served: Served, address: str, *, has_key: bool = False) -> str:
    """Return what is told when the server is ready: where it is, and how it is used."""
    key = "..." if has_key else "none"
    messages = '[{"role": "user", "content": "Hello!"}]'
    ask = (
        f'client.chat.completions.create(model="{served.name}", messages={messages})'
        if served.backend is not None
        else f'client.completions.create(model="{served.name}", prompt="Once upon a time")'
    )
    return (
        f"{served.name} is served at {address} (Ctrl-C ends). A client:\n\n"
        "  from openai import OpenAI\n"
        f'  client = OpenAI(base_url="{address}", api_key="{key}")\n'
        f"  {ask}\n\n"
        f"Together {served.batch} texts are written, the next ones wait. With many users, serve "
        "the model with vLLM.\n"
    )


def _loaded(options: ServeOptions, name: str) -> Served:
    import torch

    from companion.models import load

    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return Served(
        *load(options.model),
        name,
        aliases=(options.model,),
        max_context=options.context,
        max_tokens=options.max_tokens,
        batch=options.batch,
    )


def _run(server: Server, listener: socket.socket) -> None:
    server.engine.start()
    try:
        server.run(sockets=[listener])
    finally:
        server.engine.stop(SOON)
        listener.close()


def _answers(count: int) -> str:
    return "1 answer" if count == 1 else f"{count} answers"


def _shown_host(host: str) -> str:
    """Return the host as a client writes it."""
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _tell(text: str) -> None:
    sys.stderr.write(f"companion: {text}\n")
