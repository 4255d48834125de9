"""Keep what the training libraries print, log and draw out of notebooks."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from transformers.utils import logging as transformers_logging

from companion._extras import quiet_imports, require


def library(name: str) -> ModuleType:
    """Import ``trl``, ``peft`` or ``datasets`` without a word on stderr.

    Args:
        name: What to import.

    Returns:
        The module.

    Raises:
        MissingExtraError: If it is not installed.
    """
    with quiet_imports():
        return require(name, extra="train")


@contextmanager
def silence() -> Iterator[None]:
    """Silence progress bars, logs and one warning of the training libraries, then restore them.

    The warning is about a name that TRL and peft still use and `transformers` has replaced:
    nothing that a reader could act on.
    """
    datasets = library("datasets")
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    dataset_bars = not datasets.utils.are_progress_bars_disabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    datasets.utils.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)
            yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
        if dataset_bars:
            datasets.utils.enable_progress_bars()
