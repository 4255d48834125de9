"""The first cell of every notebook: installs the package on Google Colab, elsewhere does nothing.

It keeps the torch and numpy that the machine has: their versions become pip constraints at run
time, so pip either finds a set that fits or fails. It says what it replaced, since the reader's
own cells may use that too. A box in it, not ticked, asks for the open model as well.
"""

from __future__ import annotations

SETUP_TAG = "colab-setup"
DISTRIBUTION = "companion"

_TEMPLATE = """\
# @title Set-up: run this first on Google Colab (it does nothing elsewhere)
import sys

# Tick the box to have SmolLM2-135M-Instruct as well, a download of 93 MB.
OPEN_MODEL = False  # @param {type: "boolean"}

if "google.colab" in sys.modules:
    import importlib
    import os
    import subprocess
    from importlib.metadata import distributions, packages_distributions
    from pathlib import Path

    REPOSITORY = "https://github.com/@REPOSITORY@"
    READY = Path(sys.prefix, "@DISTRIBUTION@-is-installed")
    PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]

    def run(*command):
        quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        return subprocess.run(command, capture_output=True, text=True, env=quiet)

    def versions():
        return {d.name.lower(): d.version for d in distributions()}

    def install(before):
        found = run("git", "ls-remote", REPOSITORY, "HEAD")
        if found.returncode != 0:
            raise RuntimeError(
                f"{REPOSITORY} can't be reached: is it still there, and is the "
                f"network up? What git said:\\n{found.stderr.strip()}"
            )
        # Keep Colab's own torch and numpy: they fit its GPU driver.
        kept = [f"{name}=={before[name]}" for name in ("torch", "numpy")]
        constraints = READY.with_suffix(".constraints")
        constraints.write_text("\\n".join(kept) + "\\n")
        package = f"@DISTRIBUTION@[all] @ git+{REPOSITORY}"
        done = run(*PIP, "install", "-c", str(constraints), package)
        if done.returncode != 0:
            raise RuntimeError(
                f"pip could not install the package beside {', '.join(kept)}. If "
                "packages were installed here before, start a fresh runtime "
                "(Runtime > Disconnect and delete runtime) and run this cell "
                f"again. What pip said:\\n{done.stdout[-500:]}{done.stderr[-2000:]}"
            )
        # PEFT stops when it finds a torchao that is too old for it, as on Colab.
        check = "from peft.import_utils import is_torchao_available as check; check()"
        if "torchao" in before:
            asked = run(sys.executable, "-c", check)
            if "incompatible version of torchao" in asked.stderr:
                run(*PIP, "uninstall", "-y", "torchao")
        importlib.invalidate_caches()

    def report(before, after):
        moved = {n: v for n, v in before.items() if after.get(n, v) != v}
        gone = [f"{n} {before[n]}" for n in sorted(before.keys() - after.keys())]
        print(f"Packages installed: {len(after.keys() - before.keys())}.")
        print(f"Kept torch {after['torch']}, numpy {after['numpy']}.")
        if moved:
            pairs = [f"{n} {v} -> {after[n]}" for n, v in sorted(moved.items())]
            print(f"Replaced {', '.join(pairs)}.")
        if gone:
            print(f"Removed {', '.join(gone)}: too old for the PEFT installed.")
        owners = packages_distributions().items()
        names = {n for m, ns in owners if m in sys.modules for n in ns}
        stale = sorted({n.lower() for n in names} & moved.keys() - {"certifi"})
        if stale:
            print(
                f"Restart now (Runtime > Restart session): {', '.join(stale)} had "
                "been imported before this cell, in the old version."
            )

    def fetch_open_model():
        done = run(sys.executable, "-m", "@DISTRIBUTION@", "fetch", "smollm2")
        print(
            done.stdout.strip()
            if done.returncode == 0
            else "The open model was not fetched; all else works. What it said:\\n"
            + done.stderr.strip()[-500:]
        )

    before = versions()
    if READY.exists() and "@DISTRIBUTION@" in before:
        print("Nothing to do: the package is installed.")
    else:
        install(before)
        report(before, versions())
        READY.touch()
    if OPEN_MODEL:
        fetch_open_model()"""


def setup_source(repository: str) -> str:
    """Source of the set-up cell for the GitHub repository "owner/name"."""
    return _TEMPLATE.replace("@DISTRIBUTION@", DISTRIBUTION).replace("@REPOSITORY@", repository)
