"""Import optional libraries, and name the extra to install when one is missing."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from types import ModuleType

from companion.errors import MissingExtraError

DISTRIBUTION = "llm-measured"


def require(module: str, *, extra: str) -> ModuleType:
    """Import ``module``, which the optional dependency group ``extra`` brings.

    Args:
        module: Name to import, such as ``"trl"`` or ``"langchain_core.prompts"``.
        extra: Name of the extra in ``pyproject.toml`` that installs it.

    Returns:
        The imported module.

    Raises:
        MissingExtraError: If the library is not installed. An import error *inside* an
            installed library is a different fault and is passed on unchanged.

    Example:
        >>> require("math", extra="train").sqrt(9)
        3.0
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise missing_extra(error.name, extra) from error


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Hold back what bitsandbytes logs while it is being imported.

    On some processors it misses a kernel that it could do without, and says so on stderr. It is
    imported by peft, peft by `transformers.Trainer` and by TRL.
    """
    logger = logging.getLogger("bitsandbytes")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def missing_extra(name: str, extra: str) -> MissingExtraError:
    """Make the error for a library that is not installed.

    Args:
        name: The library.
        extra: Name of the extra in ``pyproject.toml`` that installs it.

    Returns:
        The error, to be raised.
    """
    return MissingExtraError(
        f"{name} is not installed. It comes with the extra '{extra}': {_command(extra)}", name=name
    )


def _command(extra: str) -> str:
    """Say how to install an extra from where this package came from.

    The package is on no index: by its name alone pip would find nothing, or a stranger's package.
    """
    origin = _origin()
    if "vcs_info" in origin:
        source = f"{origin['vcs_info']['vcs']}+{origin['url']}"
        return f"pip install '{DISTRIBUTION}[{extra}] @ {source}'"
    if "archive_info" in origin:
        return f"pip install '{DISTRIBUTION}[{extra}] @ {origin['url']}'"
    option = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f"pip install {option}'.[{extra}]', in the folder of the book's repository"


def _origin() -> dict:
    """Read what pip noted when it installed this package (PEP 610); empty if it noted nothing."""
    try:
        return json.loads(distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return {}
