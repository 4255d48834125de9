"""Redo a recorded run and store what it measured, with date and hardware.

python book/_experiments                 # list the experiments
python book/_experiments scaling --hardware "1 core of ..."

An experiment is a module of this package with a function ``measure(*, scale)``.
"""

import argparse
import ast
import datetime
import json
import math
import os
import platform
import sys
import time
from importlib import import_module
from pathlib import Path

from companion._files import write_whole
from companion.errors import CompanionError

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "companion" / "pocket" / "data"


def experiments() -> dict[str, str]:
    """Return the name of each experiment with the first line of its docstring."""
    modules = {}
    for path in sorted(HERE.glob("*.py")):
        if not path.stem.startswith("_"):
            described = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            modules[path.stem] = described.split("\n")[0]
    return modules


def redo(name: str, *, hardware: str, scale: float = 1.0, folder: Path = DATA) -> Path:
    """Run the experiment ``name`` and write its record in one move; returns the file.

    Args:
        name: A module of this package with a function ``measure(*, scale)``.
        hardware: What it runs on, for the record.
        scale: Below 1, a smaller version that shows only that everything works.
        folder: Where the record is written.
    """
    begun = time.monotonic()
    measured = import_module(f"_experiments.{name}").measure(scale=scale)
    record = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": hardware,
        "seconds": round(time.monotonic() - begun),
        **measured,
    }
    target = folder / f"{name}.json"
    write_whole(target, json.dumps(record, indent=1) + "\n")
    return target


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    known = experiments()
    parser = argparse.ArgumentParser(
        prog="python book/_experiments",
        description="Redo a recorded run of the book.",
        epilog="\n".join(f"{name:20} {described}" for name, described in known.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", choices=known, metavar="NAME", help="which one")
    parser.add_argument(
        "--hardware",
        default=f"{os.cpu_count()} CPU cores, {platform.machine()}",
        help="for the record (default: %(default)s)",
    )
    parser.add_argument("--scale", type=float, default=1.0, help="below 1: a smaller trial")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the record")
    options = parser.parse_args(arguments)
    if options.name is None:
        parser.print_help()
        return 0
    if not (math.isfinite(options.scale) and options.scale > 0):
        parser.error(f"--scale must be a number above 0, got {options.scale}")
    if options.scale < 1 and options.out.resolve() == DATA:
        parser.error("a trial must not replace the record: name another folder with --out")
    if not options.out.is_dir():
        parser.error(f"--out must be a folder that exists, got {str(options.out)!r}")
    # A record is about the models that it names, whatever the user has chosen for the pages.
    os.environ |= {"COMPANION_MODELS": "pocket", "COMPANION_DEVICE": "cpu", "COMPANION_DTYPE": ""}
    try:
        target = redo(
            options.name, hardware=options.hardware, scale=options.scale, folder=options.out
        )
    except KeyboardInterrupt:
        print("\nStopped; the old record is unchanged.", file=sys.stderr)
        return 130
    except (CompanionError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"wrote {target}")
    return 0
