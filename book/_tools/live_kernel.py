"""Compile the product of a matrix and a vector for the page: matvec.c to matvec.wasm.

    python book/_tools/live_kernel.py

Needs clang with the WebAssembly linker (Debian: clang and lld). The program is committed, so that
nobody needs a compiler to build the book. SHA256SUMS holds the hashes of source and program; the
tests compare, so a change of the source without a new program does not go unnoticed.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

LIVE = Path(__file__).parents[1] / "_static" / "live"
SOURCE, PROGRAM, SUMS = LIVE / "matvec.c", LIVE / "matvec.wasm", LIVE / "SHA256SUMS"
COMPILERS = ("clang-14", "clang")
FLAGS = (
    *("--target=wasm32", "-O3", "-msimd128"),
    *("-nostdlib", "-ffreestanding", "-fno-builtin"),
    *("-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--strip-all"),
)


def main() -> int:
    """Run the command line; returns the exit status."""
    compiler = find_compiler()
    if compiler is None:
        print("error: clang is not installed; try: sudo apt-get install clang lld", file=sys.stderr)
        return 1
    compile_program(compiler, PROGRAM)
    SUMS.write_text(sums(), encoding="utf-8")
    print(f"{PROGRAM}: {PROGRAM.stat().st_size} bytes")
    return 0


def find_compiler() -> str | None:
    """The compiler to use; None if there is none."""
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def compile_program(compiler: str, target: Path) -> None:
    """Compile the source to the file ``target``."""
    subprocess.run([compiler, *FLAGS, "-o", str(target), str(SOURCE)], check=True)
    target.chmod(0o644)


def sums() -> str:
    """Hashes of source and program, in the format of ``sha256sum``."""
    files = (SOURCE, PROGRAM)
    return "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in files)


if __name__ == "__main__":
    sys.exit(main())
