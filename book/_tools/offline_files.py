"""Let a built site be installed and kept: manifest, icons, Service Worker, the list of its files.

    python book/_tools/offline_files.py SITE

The list has each file that ``_static/offline/offline.js`` keeps, with its size and SHA-256. At
most 35 MB of it travel, gzipped as most hosts send text; what is stored is more, and is what the
button says. Left out: exact weights, the open model, notebooks, the PDF and the EPUB. The version
is a hash of the list, so the same pages make the same version. Running it again changes nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
from pathlib import Path

from exercise_runtime import MANIFEST as RUNTIME
from logo_picture import icon
from project import BookError

TITLE = "Large Language Models, Measured"
LIMIT_MB = 35
LIST, WORKER, MANIFEST = "offline.json", "service-worker.js", "manifest.webmanifest"
SOURCE = Path("_static", "offline")
ICONS = {f"_static/offline/icon-{pixels}.png": pixels for pixels in (192, 512)}
_LEFT_OUT = re.compile(
    r"(notebooks|_sources)/|_static/(locales|vendor/wllama)/|.*(-float16-\w+\.bin|\.gguf|\.pdf|\.epub)$"
    r"|.*\.(txt|po|mo|inv|pot)$|sitemap\.xml|\.nojekyll|\.buildinfo|offline\.json$|.*service-worker\.js$|_static/offline/build\.js$"
)
_MODELS = re.compile(r"_static/live/models/[\w-]+-[0-9a-f]{8}\.\w+")


def add_offline(site: Path) -> dict:
    """Write what is needed into a site; returns the list.

    Raises:
        BookError: If the book is too large to be kept.
    """
    for name, pixels in ICONS.items():
        (site / name).write_bytes(icon(pixels))
    (site / MANIFEST).write_text(manifest(), encoding="utf-8")
    stored = _runtime_keys(site)
    paths = sorted(path for path in site.rglob("*") if path.is_file())
    names = [path.relative_to(site).as_posix() for path in paths]
    files = [_entry(site, name, stored) for name in names if not _LEFT_OUT.match(name)]
    total = sum(file["bytes"] for file in files)
    travel = sum(_travelling(site / file["path"]) for file in files)
    if travel > LIMIT_MB * 1e6:
        raise BookError(
            f"the book without a network is {travel / 1e6:.1f} MB to load, the limit is {LIMIT_MB} "
            "MB: leave something out in offline_files.py"
        )
    build = site / SOURCE / "build.js"  # it says how much is kept, and is not counted
    text = build.read_text(encoding="utf-8")
    build.write_text(re.sub(r"BYTES = \d+", f"BYTES = {total}", text), encoding="utf-8")
    files.append(_entry(site, build.relative_to(site).as_posix(), stored))
    version = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:12]
    found = {"version": version, "bytes": total, "travel": travel, "files": files}
    (site / LIST).write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
    worker = (Path(__file__).parents[1] / SOURCE / WORKER).read_text(encoding="utf-8")
    worker = worker.replace('const VERSION = "not built";', f'const VERSION = "{version}";')
    (site / WORKER).write_text(worker, encoding="utf-8")
    (site / SOURCE / WORKER).unlink(missing_ok=True)
    return found


def manifest() -> str:
    """What a browser shows of the installed book. All addresses are below its own."""
    icons = [
        {"src": name, "sizes": f"{pixels}x{pixels}", "type": "image/png", "purpose": "any maskable"}
        for name, pixels in ICONS.items()
    ]
    content = {
        "name": TITLE,
        "short_name": "LLMs, Measured",
        "description": "A textbook in which every claim is measured on the page.",
        "lang": "en",
        "start_url": "index.html",
        "scope": "./",
        "display": "minimal-ui",
        "background_color": "#ffffff",
        "theme_color": "#1f5f8b",
        "icons": icons,
    }
    return json.dumps(content, indent=1) + "\n"


def _runtime_keys(site: Path) -> dict[str, str]:
    """For each file of Python, the name that ``exercises/worker.js`` keeps it under."""
    path = site / "_static" / RUNTIME
    if not path.is_file():
        return {}
    files = json.loads(path.read_text(encoding="utf-8"))["files"].values()
    return {
        f"_static/{file['at']}": f"_static/{file['at']}?sha256={file['sha256']}" for file in files
    }


def _entry(site: Path, name: str, stored: dict[str, str]) -> dict:
    content = (site / name).read_bytes()
    entry = {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if name in stored:
        entry |= {"store": "exercise-runtime", "key": stored[name]}
    elif _MODELS.fullmatch(name):
        entry |= {"store": "live-models"}
    return entry


def _travelling(path: Path) -> int:
    """Bytes of a file on their way, from a host that compresses text."""
    content = path.read_bytes()
    packed = path.suffix in (".bin", ".png", ".woff2", ".zip", ".whl", ".packed")
    return len(content if packed else gzip.compress(content, compresslevel=6))


if __name__ == "__main__":
    found = add_offline(Path(sys.argv[1]))
    print(f"to load: {found['travel'] / 1e6:.1f} MB; kept: {found['bytes'] / 1e6:.1f} MB")
