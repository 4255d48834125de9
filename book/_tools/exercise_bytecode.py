"""Compile what the first check of an exercise in a page loads, with the Python that runs there.

    python book/_tools/exercise_bytecode.py

A browser needs seconds to compile that many modules of Python and NumPy, each time a page is
opened. ``bytecode/bytecode.zip`` has them compiled, by the vendored Pyodide under node, for
`exercise_runtime` to put into a site. Needed again when the files in
``book/_static/vendor/pyodide`` or the versions of the libraries change; a test finds that.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import tempfile
import zipfile
from pathlib import Path

from exercise_runtime import BYTECODE, ROOT, VENDORED, companion_sources, packed

RUNNER = BYTECODE.with_name("pyodide.cjs")
COMPILING = """
import base64, importlib.util, json, sys
import marshal
from companion.exercises import catalog
from companion.exercises.browser import check

for answer in ("def causal_mask(length): return np.zeros(2)", "raise ValueError", "1 +"):
    asked = {"exercise": "causal-mask", "imports": "import numpy as np", "answer": answer}
    check(json.dumps(asked), lambda text: None)


def compiled(name, source):
    code = compile(source, name, "exec", dont_inherit=True)
    flags = 0b11  # the hash of the source is compared wherever the source is there
    head = importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(code)


found = {}
for module in list(sys.modules.values()):
    spec = getattr(module, "__spec__", None)
    name = getattr(spec, "origin", None) or ""
    if name.endswith(".py") and "/companion/" not in name:
        source = spec.loader.get_data(name)
        found[name] = base64.b64encode(compiled(name, source)).decode()
json.dumps(found)
"""


def run_in_pyodide(program: str, seconds: float = 200) -> str:
    """Run a program with NumPy and the checks of exercises in the vendored Pyodide.

    Args:
        program: Its last expression is a text.
        seconds: After which it is given up.

    Returns:
        That text.

    Raises:
        subprocess.CalledProcessError: If it fails; ``stderr`` says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive, file = Path(folder, "companion.zip"), Path(folder, "program.py")
        archive.write_bytes(packed(companion_sources()))
        file.write_text(program, encoding="utf-8")
        vendored = ROOT / "book" / "_static" / VENDORED
        done = subprocess.run(
            ["node", RUNNER, f"{vendored}/", archive, file],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
        )
    return done.stdout.splitlines()[-1]


def bytecode() -> dict[str, bytes]:
    """Return the compiled modules, by the address that each source has in Pyodide."""
    found = json.loads(run_in_pyodide(COMPILING))
    return {name: base64.b64decode(content) for name, content in sorted(found.items())}


if __name__ == "__main__":
    content = packed((f"{name}c".lstrip("/"), code) for name, code in bytecode().items())
    BYTECODE.write_bytes(content)
    line = f"{hashlib.sha256(content).hexdigest()} *{BYTECODE.name}\n"
    BYTECODE.with_name("SHA256SUMS").write_text(line, encoding="utf-8")
    count = len(zipfile.ZipFile(io.BytesIO(content)).namelist())
    print(f"{count} modules, {len(content) / 1e6:.2f} MB: {BYTECODE.relative_to(ROOT)}")
