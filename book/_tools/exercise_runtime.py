"""Put into a built site what exercises in its pages need: Python, NumPy, a part of `companion`.

    python book/_tools/exercise_runtime.py SITE

SITE has the vendored files of ``book/_static/vendor/pyodide``. Large ones are compressed, since not
every host does it, and `companion.zip` is added, always the same for the same sources.
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
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDORED = Path("vendor", "pyodide")
MANIFEST = Path("exercises", "runtime.json")
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
_WHEN = (1980, 1, 1, 0, 0, 0)


def sources() -> Iterator[tuple[str, bytes]]:
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


def companion_zip() -> bytes:
    """Return the archive that the page unpacks beside Python's own library."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in sources():
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
