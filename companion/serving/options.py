"""The options of ``companion serve`` and ``companion export``, and their names on a command line.

Taught in :doc:`/book/open-models/serving`.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from companion._checks import check_above_zero, check_whole
from companion._http import HOST

KEY_VARIABLE = "COMPANION_SERVE_KEY"

PORT = 8643
"""Port of the server. ``companion chat --web`` has 8642; vLLM takes 8000, llama.cpp 8080."""

HELP = f"""\
Serves a model to clients of the OpenAI protocol: openai, LangChain, Open WebUI, companion chat.

  companion serve                                 pocket-chat, to this machine
  companion serve smollm2 --port 8000             after companion fetch smollm2
  companion serve Qwen/Qwen3-0.6B --host 0.0.0.0 --key @key.txt    to a class room
  companion chat --endpoint http://127.0.0.1:{PORT}/v1

It has /v1/models, /v1/chat/completions and /v1/completions: streams, tools, JSON of a schema,
log-probabilities, stop, seed, n. Several requests are written together; the next ones wait, and
who comes while --queue of them wait is answered 429. /health says how busy it is.

A request that names no temperature is answered greedily, as companion chat answers (temperature 0;
OpenAI's own servers take 1). With n above 1, top_p, top_k or min_p it is 1 here, too.

For a class or a small group. With many users, or a model that fills a GPU, serve the same weights
with vLLM: `vllm serve MODEL` has the same protocol. Beyond this machine, put it behind a proxy
that speaks HTTPS, and set a key: a file (--key @FILE), or the environment variable
{KEY_VARIABLE}.
"""

EXPORT_HELP = """\
Writes a model as a file or folder for other engines.

  companion export chat --gguf pocket-chat.gguf     then: llama-server -m pocket-chat.gguf -c 512
  companion export chat --folder pocket-chat        then: vllm serve ./pocket-chat

A GGUF file holds weights, tokenizer and chat template. It can be made of a Llama with the pocket
models' tokenizer; llama.cpp's own convert_hf_to_gguf.py makes it of the others. A folder holds a
checkpoint as transformers has it, and can be made of any model. What is there is not replaced,
unless --force says so.
"""


@dataclass(frozen=True)
class ServeOptions:
    """What the command line asks for.

    Attributes:
        model: Role, folder, GGUF file or Hub id.
        name: What clients call it; its own title if None.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        key: File with the key that clients must send, as ``@FILE``; None for the variable
            `KEY_VARIABLE`, or none.
        allow_origin: Origins of web pages that may ask.
        queue: Requests that may wait at most.
        batch: Texts that are written at a time.
        max_tokens: Tokens of an answer at most.
        context: Tokens of the context at most; None for as many as the model says.
        timeout: Seconds that a request may take.
        threads: Threads of the processor; None for as many as PyTorch takes.

    Raises:
        ValueError: If a number is out of its range, or the key is given as it is.
    """

    model: str = "chat"
    name: str | None = None
    host: str = HOST
    port: int = PORT
    key: str | None = None
    allow_origin: Sequence[str] = ()
    queue: int = 32
    batch: int = 8
    max_tokens: int = 512
    context: int | None = None
    timeout: float = 300.0
    threads: int | None = None

    def __post_init__(self) -> None:
        """Check what can be checked before anything is loaded."""
        check_whole(batch=self.batch, max_tokens=self.max_tokens)
        check_whole(0, queue=self.queue)
        check_above_zero(timeout=self.timeout)
        for name in ("context", "threads"):
            if getattr(self, name) is not None:
                check_whole(**{name: getattr(self, name)})
        if not 0 <= self.port < 2**16:
            raise ValueError(f"--port must be from 0 to 65535, got {self.port}")
        if self.key is not None and not self.key.startswith("@"):
            raise ValueError(
                "--key must be @FILE: everybody on this machine can read a command line. Or put "
                f"the key into the environment variable {KEY_VARIABLE}."
            )

    def secret(self, environment: Mapping[str, str]) -> str | None:
        """Return the key: that of the file, else that of the environment; None if there is none.

        Raises:
            ValueError: If it is empty, or has characters that no header can carry.
            OSError: If the file can't be read.
        """
        if self.key is not None:
            where = self.key.removeprefix("@")
            found = Path(where).expanduser().read_text(encoding="utf-8").strip()
        else:
            where, found = KEY_VARIABLE, environment.get(KEY_VARIABLE, "").strip()
            if not found:
                return None
        if not found or not all("!" <= character <= "~" for character in found):
            raise ValueError(f"{where} must hold a key: letters, digits and signs, no blanks")
        return found


NAMES = {name: f"--{name.replace('_', '-')}" for name in ServeOptions.__dataclass_fields__} | {
    "max_context": "--context",
    "source": "COMPANION_MODELS=",
}
"""What arguments in Python are called on this command line; see `companion._interface`."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``companion serve``, one for each field of `ServeOptions`."""
    add = parser.add_argument
    add("model", nargs="?", default="chat", metavar="MODEL", help="role, folder, GGUF file, Hub id")
    add("--name", metavar="NAME", help="what clients call the model (default: its own name)")
    add("--host", default=HOST, metavar="ADDRESS", help="0.0.0.0 listens to the whole network")
    add("--port", type=int, default=PORT, metavar="N", help=f"default {PORT}; 0 takes a free one")
    add("--key", metavar="@FILE", help="file with the key that clients have to send")
    add(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let web pages of this origin ask, such as https://class.example (may be repeated)",
    )
    limits = parser.add_argument_group("limits").add_argument
    limits("--queue", type=int, default=32, metavar="N", help="requests that may wait (default 32)")
    limits("--batch", type=int, default=8, metavar="N", help="texts written at a time (default 8)")
    limits("--max-tokens", type=int, default=512, metavar="N", help="of an answer (default 512)")
    limits("--context", type=int, metavar="N", help="tokens of prompt and answer together")
    limits("--timeout", type=float, default=300.0, metavar="S", help="of a request (default 300)")
    limits("--threads", type=int, metavar="N", help="threads of the processor")


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``companion export``."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="role, folder, GGUF file, Hub id")
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--gguf", type=Path, metavar="FILE", help="a GGUF file, for llama.cpp")
    form.add_argument("--folder", type=Path, metavar="FOLDER", help="a checkpoint, for the others")
    add("--dtype", choices=("float16", "float32"), default="float16", help="of the weights")
    add("--force", action="store_true", help="replace the file that is there")
