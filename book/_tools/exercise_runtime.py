"""Put into a built site what exercises in its pages need: Python, NumPy, a part of `companion`.

    python book/_tools/exercise_runtime.py SITE

SITE has the vendored files of ``book/_static/vendor/pyodide``. Large ones are compressed, since not
every host does it, and `companion.zip` is added, always the same for the same sources. Modules that
`exercise_bytecode` has compiled take the place of their sources in Python's own library, and stand
beside them in NumPy.
``runtime.json`` names each file with its size and its SHA-256, which the page compares. Running it
again changes nothing.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
VENDORED = Path("vendor", "pyodide")
MANIFEST = Path("exercises", "runtime.json")
BYTECODE = Path(__file__).with_name("bytecode") / "bytecode.zip"
NUMPY = "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl"
FILES = (
    "pyodide.js",
    "pyodide.asm.js",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
    NUMPY,
    "companion.zip",
)
_COMPRESSED = (".js", ".wasm", ".json")
_PACKED = ".packed"  # not .gz, which some servers announce as an encoding, and browsers undo
_LIBRARIES = ("markdown_it", "mdurl", "platformdirs")  # of messages and files; all pure Python
_LIBRARY, _PACKAGES = "/lib/python312.zip", "/lib/python3.12/site-packages"  # in Pyodide
_WHEN = (1980, 1, 1, 0, 0, 0)


def companion_sources() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each Python file that checks exercises."""
    package = ROOT / "companion"
    paths = [package / name for name in ("__init__.py", "_faces.py", "_files.py")]
    paths += [*(package / "exercises").glob("*.py")]
    paths += (package / "exercises" / "catalog").rglob("*.py")
    for path in sorted(paths):
        yield path.relative_to(ROOT).as_posix(), path.read_bytes()
    for library in _LIBRARIES:
        folder = Path(find_spec(library).origin).parent
        for path in sorted(folder.rglob("*.py")):
            yield path.relative_to(folder.parent).as_posix(), path.read_bytes()


def compiled(folder: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the modules that are compiled: where the source is in a folder of Pyodide, and code."""
    with zipfile.ZipFile(BYTECODE) as archive:
        for name in archive.namelist():
            path = PurePosixPath("/", name).with_suffix(".py")
            if path.is_relative_to(folder):
                yield path.relative_to(folder), archive.read(name)


def companion_zip() -> bytes:
    """Return the archive that the page unpacks beside Python's own library."""
    modules = (
        (str(path.parent / "__pycache__" / f"{path.stem}.cpython-312.pyc"), code)
        for path, code in compiled(_PACKAGES)
    )
    return packed(chain(companion_sources(), modules))


def library_zip(vendored: bytes) -> bytes:
    """Return Python's own library with compiled modules in place of their sources."""
    modules = {str(path): code for path, code in compiled(_LIBRARY)}
    with zipfile.ZipFile(io.BytesIO(vendored)) as archive:
        names = archive.namelist()
        return packed(
            (f"{name}c", modules[name]) if name in modules else (name, archive.read(name))
            for name in names
        )


def packed(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip archive of names and contents, always the same for the same ones."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in files:
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    return archive.getvalue()


def add_runtime(static: Path) -> dict[str, dict]:
    """Complete the runtime below a site's ``_static``.

    Args:
        static: The folder; `VENDORED` is in it.

    Returns:
        What ``runtime.json`` says: for each file its address below ``static``, the bytes that
        travel, the SHA-256 of what it holds, and an ``integrity`` of what travels.
    """
    folder = static / VENDORED
    (folder / "companion.zip").write_bytes(companion_zip())
    library = folder / "python_stdlib.zip"
    library.write_bytes(library_zip(library.read_bytes()))
    files = {name: _entry(static, folder / name) for name in FILES}
    manifest = static / MANIFEST
    manifest.parent.mkdir(exist_ok=True)
    manifest.write_text(json.dumps({"files": files}, indent=1) + "\n", encoding="utf-8")
    return files


def _entry(static: Path, path: Path) -> dict:
    travels, content = path, None
    if path.suffix in _COMPRESSED:
        travels = path.with_name(path.name + _PACKED)
        if path.is_file():
            content = path.read_bytes()
            travels.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
            path.unlink()
        else:
            content = gzip.decompress(travels.read_bytes())
    sent = travels.read_bytes()
    digest = base64.b64encode(hashlib.sha256(sent).digest()).decode()
    return {
        "at": travels.relative_to(static).as_posix(),
        "bytes": len(sent),
        "sha256": hashlib.sha256(sent if content is None else content).hexdigest(),
        "integrity": f"sha256-{digest}",
    }


if __name__ == "__main__":
    total = sum(file["bytes"] for file in add_runtime(Path(sys.argv[1]) / "_static").values())
    print(f"runtime of the exercises: {total / 1e6:.1f} MB")
