"""The first cell of every notebook: brings the package on Google Colab and Kaggle.

It installs one wheel; `companion.hosted` in it installs the rest that the page needs. A wheel that
lies beside the notebook goes first, so that a copy works without the repository. In an ordinary
Jupyter the cell installs nothing, and says how to if the package is missing.

A notebook in the repository names no owner, since anybody could register one that does not exist
and have readers run his code. The notebooks that the site and Colab show are made by
``build_site.py``, which knows the repository from git or CI.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SETUP_TAG = "colab-setup"
WHEELS = "llm_measured-*.whl"
RELEASE = (
    "packages"  # the release of the repository that holds a wheel for each state of the package
)

# Large libraries are fetched only for pages whose code has one of these words.
_USES = {
    "bitsandbytes": re.compile(r"companion\.models\.quantized|BitsAndBytes"),
    "embeddings": re.compile(r"Embedder|faiss|load\(\"embedding\""),
}

_TEMPLATE = """\
# @title Set-up: run this first on Colab or Kaggle (elsewhere it does nothing)
import importlib
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

# Tick the box to have SmolLM2-135M-Instruct as well, a download of 93 MB.
OPEN_MODEL = False  # @param {type: "boolean"}
# The repository of the book on GitHub as OWNER/NAME, and its package there.
# Without a package, today's is taken. One beside this notebook goes first.
REPOSITORY = "@REPOSITORY@"  # @param {type: "string"}
PACKAGE = "@WHEEL@"  # @param {type: "string"}

GITHUB = f"https://github.com/{REPOSITORY}"
beside = sorted(str(path) for path in Path.cwd().glob("@WHEELS@"))
if beside:
    source = beside[-1]
elif REPOSITORY and PACKAGE:
    source = f"{GITHUB}/releases/download/@RELEASE@/{PACKAGE}"
else:
    source = f"{GITHUB}/archive/HEAD.zip" if REPOSITORY else ""

hosted = "google.colab" in sys.modules or "KAGGLE_KERNEL_RUN_TYPE" in os.environ
missing, started, said = find_spec("companion") is None, time.monotonic(), ""
if missing and hosted and not source:
    raise RuntimeError(
        "This copy of the notebook does not know where the book's package is. "
        "Open it from the book's site, or write the book's repository into the "
        "field REPOSITORY above, or put the package beside this notebook (a "
        "file @WHEELS@). Then run this cell again."
    )
if missing and hosted:
    print(f"Installing {source} and what this page needs (about half a minute)")
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    pip += ["--no-deps", "--progress-bar=off", "--retries=2", source]
    done = subprocess.run(pip, capture_output=True, text=True)
    said = done.stdout
    if done.returncode != 0:
        raise RuntimeError(
            f"pip could not install {source}. Is the network up (on Kaggle: Internet "
            "in the notebook's settings), is there room on the disk, and does that "
            f"address still exist? What pip said:\\n{(said + done.stderr)[-1500:]}"
        )
    importlib.invalidate_caches()
elif missing:
    wanted = f"'llm-measured[all] @ {source}'" if source else "'.[all]'"
    where = "" if source else ", in the folder of the book's repository"
    print(f"The book's package is not installed. To install it: pip install {wanted}{where}")
if hosted:
    from companion.hosted import prepare

    print(prepare(@NEEDS@, said=said, since=started))
    if OPEN_MODEL:
        fetch = [sys.executable, "-m", "companion", "fetch", "smollm2"]
        done = subprocess.run(fetch, capture_output=True, text=True)
        said = (done.stderr if done.returncode else done.stdout).strip()
        failed = "The open model was not fetched; all else works. What it said:\\n"
        print(failed * bool(done.returncode) + said[-500:])"""


def setup_source(needs: Iterable[str] = (), *, repository: str = "", wheel: str = "") -> str:
    """Source of the set-up cell.

    Args:
        needs: What the page needs of the large libraries, from `needs_of`.
        repository: The GitHub repository "owner/name" that has the package; empty if not known.
        wheel: Name of the wheel there; empty for today's state of the repository.
    """
    values = {"REPOSITORY": repository, "WHEELS": WHEELS, "WHEEL": wheel, "RELEASE": RELEASE}
    values["NEEDS"] = "[" + ", ".join(f'"{name}"' for name in needs) + "]"
    return re.sub("@(REPOSITORY|WHEELS|WHEEL|RELEASE|NEEDS)@", lambda m: values[m[1]], _TEMPLATE)


def needs_of(code: str) -> list[str]:
    """Which large libraries the code of a page uses, as keys of ``companion.hosted.HEAVY``."""
    return [name for name, words in _USES.items() if words.search(code)]
