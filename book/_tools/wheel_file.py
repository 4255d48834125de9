"""The package's wheel, named after its content, as the set-up cell of the notebooks fetches it.

    python book/_tools/wheel_file.py [--out _build]

The wheel is put at OUT/wheel. The same package always gets the same name, and another package
another: a notebook that was saved last year goes on finding the package that it was made with. The
name of this state is in the wheel's build tag, since the version changes with releases only.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from project import BookError, Project, find_project

FOLDER = "wheel"
_FILES = ("pyproject.toml", "README.md", "LICENSE")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")
_DIGITS = 10


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("_build"), help="folder for the result")
    options = parser.parse_args(arguments)
    project = project or find_project()
    try:
        wheel = build_wheel(project, (project.root / options.out).resolve() / FOLDER)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")
    return 0


def build_wheel(project: Project, folder: Path) -> Path:
    """Build the wheel into ``folder``, which holds nothing else afterwards; returns its path.

    Raises:
        BookError: If pip can't build it.
    """
    with tempfile.TemporaryDirectory() as work:
        source, out = Path(work, "source"), Path(work, "out")
        shutil.copytree(project.root / "companion", source / "companion", ignore=_LEFT_OUT)
        for name in _FILES:
            shutil.copy(project.root / name, source)
        settings = f"[bdist_wheel]\nbuild_number = 1{content_tag(source)}\n"
        (source / "setup.cfg").write_text(settings, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index"]
        command += ["--no-build-isolation", "-w", str(out), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BookError(f"pip could not build the wheel:\n{done.stderr.strip()[-2000:]}")
        (built,) = out.glob("*.whl")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return Path(shutil.copy(built, folder))


def content_tag(root: Path) -> str:
    """Letters that stand for the package below ``root``, its files and pyproject.toml."""
    files = sorted(path for path in (root / "companion").rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in (*files, root / "pyproject.toml"):
        name, content = path.relative_to(root).as_posix(), path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return f"g{digest.hexdigest()[:_DIGITS]}"


def find_wheel(out: Path) -> str:
    """Name of the wheel that was built into ``out``; empty if there is none."""
    names = sorted(path.name for path in (out / FOLDER).glob("*.whl"))
    return names[-1] if names else ""


if __name__ == "__main__":
    sys.exit(main())
