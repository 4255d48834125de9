"""The open model behind the server of llama.cpp: bookings with and without ``response_format``.

The server comes out of the wheel xllamacpp, which is installed for this run only (``pip install
xllamacpp``), and reads the GGUF file itself. It makes its own grammar of the schema. Asked through
the library openai. Taught in :doc:`/book/applications/structured-output`.
"""

import tempfile
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from companion._extras import require
from companion.backends.structured import response_format
from companion.models.open_model import gguf_file
from companion.pocket.studies.bookings import SCHEMA, bookings

from ._servers import free_port
from ._side_by_side import part
from ._structure import count, messages

ITEMS = 12


def measure(*, scale: float = 1.0) -> dict[str, Any]:
    """Start the server, ask for each booking twice, and stop it.

    Args:
        scale: Share of the messages to use, for a quick try.

    Returns:
        ``server``, its version; by way to ask, what `_experiments._structure.count`
        returns, for "free" and "response_format"; and ``refused``, what the server says to a schema
        that is none.

    Raises:
        ModuleNotFoundError: If xllamacpp is not installed.
    """
    xllamacpp = import_module("xllamacpp")
    openai = require("openai", extra="chat")
    items = part(bookings("held_out", ITEMS), scale)
    results: dict[str, Any] = {"server": f"llama.cpp by xllamacpp {version('xllamacpp')}"}
    with tempfile.TemporaryDirectory() as work:
        params = xllamacpp.CommonParams()
        params.model.path = str(gguf_file(None, Path(work)))
        params.hostnames, params.port, params.n_ctx = ["127.0.0.1"], free_port(), 2048
        params.n_parallel, params.use_jinja = 1, True
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        server = xllamacpp.Server(params)
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{params.port}/v1", api_key="none")
        for way in ("words", "examples"):
            results[way] = {}
            for label, form in (
                ("free", {}),
                ("response_format", {"response_format": response_format("booking", SCHEMA)}),
            ):
                texts = [
                    client.chat.completions.create(
                        model="smollm2",
                        messages=messages(text, examples=way == "examples"),
                        temperature=0,
                        max_tokens=80,
                        **form,
                    )
                    .choices[0]
                    .message.content
                    for text, _ in items
                ]
                results[way][label] = count(items, texts)
        results["refused"] = _refusal(client, openai)
        del server
    return results


def _refusal(client: Any, openai: Any) -> str:
    try:
        client.chat.completions.create(
            model="smollm2",
            messages=[{"role": "user", "content": "hi"}],
            max_tokens=4,
            response_format=response_format("none", {"type": "nonsense"}),
        )
    except openai.APIStatusError as error:
        return f"{error.status_code}: {error.message}"[:200]
    return ""
