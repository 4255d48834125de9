"""A folder of wheels, for a machine without a network; and .venv from it there.

    python .ci/wheelhouse.py fill FOLDER --python 3.12            where there is a network
    python .ci/wheelhouse.py fill FOLDER --without torch          if that machine has its own torch
    python .ci/wheelhouse.py install FOLDER                       there: makes .venv, asks nobody

pip on Linux takes a torch with CUDA from PyPI, three gigabytes with its libraries. With
``--without torch`` neither is fetched, and ``install`` lets .venv see what the machine has.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("all", "book", "test")
GLIBC = range(39, 4, -1)  # pip takes the exact ones that it is given
TORCH = re.compile(r"torch|triton|nvidia-.*|cuda-.*", re.IGNORECASE)
FACTS = "wheelhouse.json"


class SetUpError(Exception):
    """Why the folder can't be filled or used, and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("fill", "install"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default="3.12", metavar="3.N", help="of the other machine")
    parser.add_argument("--machine", default="x86_64", help="its processor (default: %(default)s)")
    parser.add_argument("--without", choices=("torch",), help="what that machine has itself")
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"3\.1[123]", options.python):
        parser.error(f"--python must be 3.11, 3.12 or 3.13, got {options.python}")
    try:
        if options.action == "fill":
            fill(options.folder, options.python, options.machine, options.without)
        else:
            install(options.folder)
    except SetUpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def requirements() -> list[str]:
    """What the package and the extras need, as pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional, found = project["optional-dependencies"], set(project["dependencies"])
    waiting = list(EXTRAS)
    while waiting:
        for need in optional[waiting.pop()]:
            inner = re.fullmatch(rf"{re.escape(project['name'])}\[(.*)\]", need)
            if inner:
                waiting += inner[1].split(",")
            else:
                found.add(need)
    return sorted(found)


def fill(folder: Path, python: str, machine: str, without: str | None) -> None:
    """Download the wheels in the versions of constraints.txt.

    Args:
        folder: Where they go; made if it is not there.
        python: Version of Python that will install them.
        machine: Its processor, as in the names of wheels.
        without: "torch" leaves out torch and the CUDA libraries.
    """
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [f"manylinux_2_{glibc}_{machine}" for glibc in GLIBC]
    platforms += [f"manylinux2014_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]
    target = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    target += [word for name in platforms for word in ("--platform", name)]
    constraints = ["-c", str(ROOT / "constraints.txt")]
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        asked = ["install", "--dry-run", "--ignore-installed", "--report", str(report)]
        asked += ["--target", scratch, *target, *constraints, *requirements()]
        _pip(sys.executable, asked, "pip could not find wheels for all packages")
        chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    found = [(one["metadata"]["name"], one["metadata"]["version"]) for one in chosen]
    kept = [(name, at) for name, at in found if not (without and TORCH.fullmatch(name))]
    pinned = [f"{name}=={version}" for name, version in kept]
    _pip(
        sys.executable,
        ["download", "--no-deps", "-d", str(folder), *target, *pinned],
        "pip could not download the wheels; the next run goes on where this one stopped",
    )
    facts = {"python": python, "machine": machine, "without": without, "packages": pinned}
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in folder.glob("*.whl"))
    print(f"{len(pinned)} packages, {size / 1e6:.0f} MB, for Python {python}: {folder}")


def install(folder: Path) -> None:
    """Make .venv from the folder, without a network."""
    facts = read_facts(folder)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if facts["python"] != here:
        raise SetUpError(
            f"{folder} is for Python {facts['python']}, this is {here}. Run this with python"
            f"{facts['python']}, or fill the folder with --python {here}."
        )
    if not sysconfig.get_platform().endswith(facts["machine"]):
        raise SetUpError(
            f"{folder} is for {facts['machine']}, this is {sysconfig.get_platform()}. Fill it with "
            "another --machine."
        )
    if missing := missing_wheels(folder, facts["packages"]):
        raise SetUpError(
            f"{folder} is not complete, {len(missing)} wheels are missing, such as {missing[0]}. "
            "Fill it again, where there is a network, and copy all of it."
        )
    place = ROOT / ".venv"
    venv.create(place, with_pip=True, clear=True, system_site_packages=bool(facts["without"]))
    python = str(place / "bin" / "python")
    words = ["install", "--no-index", "--no-deps", "--find-links", str(folder), *facts["packages"]]
    _pip(python, words, "pip could not install from the folder")
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    (Path(packages) / "companion.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    if facts["without"]:
        check = subprocess.run([python, "-c", "import torch"], capture_output=True, check=False)
        if check.returncode:
            raise SetUpError(
                f"{folder} was filled --without torch, and {sys.executable} has none. Run this "
                "with the Python that has it, or fill the folder with torch."
            )
    print(f".venv is ready: {len(facts['packages'])} packages from {folder}")


def read_facts(folder: Path) -> dict:
    """Read what `fill` wrote last."""
    file = folder / FACTS
    if not file.is_file():
        raise SetUpError(
            f"{folder} holds no {FACTS}: it is no wheelhouse, or was not filled to the end. "
            f"Where there is a network: make wheelhouse WHEELHOUSE={folder}"
        )
    return json.loads(file.read_text(encoding="utf-8"))


def missing_wheels(folder: Path, pinned: list[str]) -> list[str]:
    """The packages, NAME==VERSION, whose wheel is not in a folder."""

    def key(name: str, version: str) -> tuple[str, str]:
        return re.sub(r"[-_.]+", "-", name).lower(), version.split("+")[0]

    there = {key(*file.name.split("-")[:2]) for file in folder.glob("*.whl")}
    return [one for one in pinned if key(*one.split("==")) not in there]


def _pip(python: str, words: list[str], fault: str) -> None:
    command = [python, "-m", "pip", "-q", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        said = "\n".join(lines or done.stderr.splitlines()[-5:])
        raise SetUpError(f"{fault}. pip said:\n{said}")


if __name__ == "__main__":
    sys.exit(main())
