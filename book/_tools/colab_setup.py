"""The first cell of every notebook: installs the package on Google Colab, elsewhere does nothing.

It keeps the torch and numpy that the machine has: their versions become pip constraints at run
time, so pip either finds a set that fits or fails.
"""

from __future__ import annotations

SETUP_TAG = "colab-setup"
DISTRIBUTION = "companion"

_TEMPLATE = """\
# @title Set-up: run this first on Google Colab (it does nothing elsewhere)
import sys

if "google.colab" in sys.modules:
    import subprocess
    from importlib.metadata import version
    from pathlib import Path

    # Keep Colab's own torch and numpy: they fit its GPU driver.
    kept = [f"{name}=={version(name)}" for name in ("torch", "numpy")]
    constraints = Path("/tmp/constraints.txt")
    constraints.write_text("\\n".join(kept) + "\\n")
    package = "@DISTRIBUTION@[all] @ git+https://github.com/@REPOSITORY@"
    command = [sys.executable, "-m", "pip", "install", "-q", "-c", str(constraints), package]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(
            f"pip could not install {package} beside {' and '.join(kept)}. "
            "Start a fresh runtime (Runtime > Disconnect and delete runtime) and run this cell "
            f"again. What pip said:\\n{done.stderr[-2000:]}"
        )
    print(f"Installed. Kept {' and '.join(kept)}.")"""


def setup_source(repository: str) -> str:
    """Source of the set-up cell for the GitHub repository "owner/name"."""
    return _TEMPLATE.replace("@DISTRIBUTION@", DISTRIBUTION).replace("@REPOSITORY@", repository)
