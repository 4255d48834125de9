"""The options of ``companion chat``: what can be asked for, and its names on the command line.

Taught in :doc:`/book/applications/chatbot`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from companion._checks import check_above_zero, check_whole

KEY_VARIABLE = "COMPANION_API_KEY"

PORT = 8642
"""Port of the page. No server of models uses it by itself, as vLLM does 8000, llama.cpp 8080."""

TEXT_TOOLS = ("instruction", "pocket")
"""What ``--text-tools`` takes: see `companion.backends.backend.TEXT_FORMS`."""

HELP = f"""\
Chats with a model: in the terminal, over a pipe, or with --web in the browser.

  companion chat                                      pocket-chat, on this machine
  companion chat -p "Where is Oslo?"                  one message; the answer goes to the output
  companion chat -p "Sum it up:" < notes.txt          the same, with a text from a pipe or file
  companion chat --tools --docs notes/                with tools and a folder of documents
  companion chat --endpoint http://127.0.0.1:8000/v1 --model Qwen/Qwen3-0.6B

In the terminal, /help lists the commands. Without -p, each line of a pipe is a message or a
command. If the endpoint wants a key, put it into the environment variable {KEY_VARIABLE}.
The page is served to this machine only.
"""


@dataclass(frozen=True)
class ChatOptions:
    """What the command line asks for.

    Attributes:
        model: Role, folder or Hub id; with an endpoint, the model's name there. If empty,
            pocket-chat, or the only model of the endpoint.
        endpoint: Address of an OpenAI-compatible endpoint; None for a model in this process.
        system: System message.
        prompt: The only message; None for a talk.
        tools: Whether the model may call the book's tools.
        tool: Tools of the user's own, each as ``FILE.py:function``. Their files are run.
        mcp: MCP servers whose tools the model may call: commands, or addresses.
        allow: Names of tools that may run without being asked about.
        audit: File for the log of all calls.
        text_tools: Declare tools as text to a model behind an endpoint, not in its protocol: one of
            `TEXT_TOOLS`.
        docs: Folder with documents to answer from.
        temperature: 0 is greedy. None is greedy here, and what an endpoint chooses there.
        max_new_tokens: Tokens of an answer at most; None for an eighth of the context, at most 256.
        context: Tokens of the context; None asks the model, or the endpoint.
        timeout: Seconds to wait for the next word of an endpoint.
        thinking: Whether a model that can reason before it answers shall do so. None is no here,
            and what an endpoint chooses there.
        web: Whether to serve a web page instead of the terminal.
        port: Port of the web page; 0 takes a free one.
        conversations: Folder in which the page keeps conversations; None for the usual one.
        no_save: Whether it keeps none.

    Raises:
        ValueError: If a number is out of its range, or options contradict one another.
    """

    model: str = ""
    endpoint: str | None = None
    system: str | None = None
    prompt: str | None = None
    tools: bool = False
    tool: Sequence[str] = ()
    mcp: Sequence[str] = ()
    allow: Sequence[str] = ()
    audit: Path | None = None
    text_tools: str | None = None
    docs: Path | None = None
    temperature: float | None = None
    max_new_tokens: int | None = None
    context: int | None = None
    timeout: float = 60.0
    thinking: bool | None = None
    web: bool = False
    port: int = PORT
    conversations: Path | None = None
    no_save: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked before anything is loaded."""
        if self.context is not None:
            check_whole(context=self.context)
        check_above_zero(timeout=self.timeout)
        if not 0 <= self.port < 2**16:
            raise ValueError(f"--port must be from 0 to 65535, got {self.port}")
        if self.web and self.prompt is not None:
            raise ValueError("-p asks once and --web serves a page: give one of the two")
        if (self.no_save or self.conversations) and not self.web:
            raise ValueError("--conversations and --no-save are for the page: give --web too")
        if self.no_save and self.conversations:
            raise ValueError("--no-save keeps no conversations: give it, or --conversations")
        if self.text_tools and not (self.has_tools and self.endpoint):
            raise ValueError("--text-tools is for a model behind an --endpoint that gets tools")
        if (self.allow or self.audit) and not self.has_tools:
            raise ValueError("--allow and --audit are for tools: give --tools, --tool or --mcp too")

    @property
    def has_tools(self) -> bool:
        """Whether the model gets tools of any kind."""
        return bool(self.tools or self.tool or self.mcp)


NAMES = {name: f"--{name.replace('_', '-')}" for name in ChatOptions.__dataclass_fields__} | {
    "prompt": "-p",
    "tool_form='instruction'": "--text-tools",
    "context_length": "--context",
    "max_context": "--context",
    "max_context_tokens": "--context",
    "thinking": "--thinking and --no-thinking",
    "base_url": "--endpoint",
    "api_key": KEY_VARIABLE,
    "source": "COMPANION_MODELS=",
}
"""What arguments in Python are called on this command line; see `companion._interface`."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options, one for each field of `ChatOptions`."""
    add = parser.add_argument
    add("-p", "--prompt", metavar="TEXT", help="ask this and leave; - reads it from a pipe")
    add("--system", metavar="TEXT", help="what the model is told first")
    _add_model_options(parser.add_argument_group("model"))
    _add_tool_options(parser.add_argument_group("documents and tools"))
    page = parser.add_argument_group("page")
    page.add_argument("--web", action="store_true", help="serve a page for the browser")
    page.add_argument(
        "--port",
        type=int,
        default=PORT,
        metavar="N",
        help=f"port of that page (default {PORT}; 0 takes a free one)",
    )
    page.add_argument(
        "--conversations",
        type=Path,
        metavar="FOLDER",
        help="where it keeps conversations (default: COMPANION_CONVERSATIONS in the environment, "
        "or a folder in ~/.companion)",
    )
    page.add_argument("--no-save", action="store_true", help="keep no conversation on disk")


def _add_model_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--model", default="", metavar="NAME", help="role, folder, Hub id, or name there")
    add(
        "--open",
        dest="model",
        action="store_const",
        const="smollm2",
        help="the same as --model smollm2, once `companion fetch smollm2` has run",
    )
    add("--endpoint", metavar="URL", help="address of an OpenAI-compatible endpoint")
    add("--context", type=int, metavar="N", help="tokens of the context, if nobody tells it right")
    add("--max-new-tokens", type=int, metavar="N", help="tokens of an answer at most")
    add(
        "--temperature",
        type=float,
        metavar="T",
        help="0 is greedy, as without this option; an endpoint then chooses by itself (companion "
        "serve: 0; others often 1, where small models ramble)",
    )
    add(
        "--timeout",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds to wait for the next word of an endpoint (default 60)",
    )
    add(
        "--thinking",
        action=argparse.BooleanOptionalAction,
        help="whether a model that can reason before it answers shall do so (default here: no)",
    )


def _add_tool_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--docs", type=Path, metavar="FOLDER", help="answer from the documents in a folder")
    add("--tools", action="store_true", help="a calculator, and a table of invented weather")
    add(
        "--tool",
        action="append",
        default=[],
        metavar="FILE.py:NAME",
        help="a function of your own as a tool, documented and with type hints; runs the file",
    )
    add(
        "--mcp",
        action="append",
        default=[],
        metavar="SERVER",
        help='tools of an MCP server: its command, as "python server.py", or its address',
    )
    add(
        "--allow",
        action="append",
        default=[],
        metavar="NAME",
        help="let this tool run without asking; you are asked about --tool and --mcp otherwise",
    )
    add("--audit", type=Path, metavar="FILE", help="log every call of a tool, a line of JSON each")
    add(
        "--text-tools",
        nargs="?",
        const="instruction",
        choices=TEXT_TOOLS,
        metavar="FORM",
        help="declare tools as text, to a server that takes none: with an instruction and examples "
        "(instruction, the default), or as pocket-chat has learned it (pocket)",
    )
