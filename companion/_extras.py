"""Import optional libraries, and name the extra to install when one is missing."""

from importlib import import_module
from types import ModuleType

from companion.errors import MissingExtraError


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
        raise MissingExtraError(
            f"{error.name} is not installed. It comes with the extra '{extra}': "
            f"pip install 'companion[{extra}]'",
            name=error.name,
        ) from error
